#!/usr/bin/env bash
# Measure a machine's GPUs in ten minutes, without a network, and pack what was measured into one file.
#
#   bench/gpu.sh pack KIT [PYTHON]     where there is a network: collect everything in the folder KIT
#   KIT/gpu.sh [BACKEND...]            on the machine with the GPU: writes hashjoule-gpu-HOST-TIME.tar.gz; send that file
#
# The machine needs NVIDIA's or AMD's driver, bash, and Python of the version that packed the kit; a bare CUDA image has
# none, so unpack a standalone Python as KIT/python (then KIT/python/bin/python3 is used). To compare with hashcat, put
# its folder into the kit as KIT/hashcat. Nothing is installed: the wheels are unpacked into a temporary folder.
# BACKEND names what to measure (default: every GPU that `hashjoule devices` can use).
set -u -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() {
    printf 'gpu.sh: %s\n' "$1" >&2
    exit "${2:-3}"
}

# Collect the wheels and this script.
pack() {
    local kit=${1:-} python=${2:-python3}
    [ -n "$kit" ] || fail "name the folder to pack into: bench/gpu.sh pack KIT" 2
    mkdir -p "$kit/wheels" || fail "cannot write to $kit; choose another folder"
    "$python" -m pip wheel --quiet --wheel-dir "$kit/wheels" "$here/..[meter,numba,opencl]" pip nvidia-nvvm nvidia-cuda-runtime ||
        fail "the wheels could not be collected; pip says why above"
    cp "$here/gpu.sh" "$kit/"
    "$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' >"$kit/python-version"
    printf 'packed %s (%s). Copy it to the machine with the GPU and run %s/gpu.sh there.\n' \
        "$kit" "$(du -sh "$kit" | cut -f1)" "$(basename "$kit")"
}

# Print the Python that can run the kit.
find_python() {
    local wanted candidate
    wanted=$(cat "$here/python-version" 2>/dev/null) || fail "this is not a kit; make one with: bench/gpu.sh pack KIT" 2
    for candidate in "$here/python/bin/python3" "python$wanted" python3; do
        if [ "$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$wanted" ]; then
            command -v "$candidate"
            return
        fi
    done
    fail "there is no Python $wanted here; unpack a standalone one as $here/python"
}

# Run a command for at most SECONDS; keep what it prints as NAME.txt, and go on whatever happens.
step() {
    local name=$1 seconds=$2 code
    shift 2
    printf '%s  %s (at most %s s)\n' "$(date +%T)" "$name" "$seconds"
    timeout --signal=INT --kill-after=10 "$seconds" "$@" >"$out/$name.txt" 2>&1
    code=$?
    printf '%s\t%s\t%s\n' "$name" "$code" "$*" >>"$out/steps.tsv"
    [ "$code" -eq 0 ] || printf '          it ended with %s: %s\n' "$code" "$(tail -n 1 "$out/$name.txt")"
}

# Let Numba find NVIDIA's compiler among the wheels, where the machine has none.
find_nvvm() {
    [ -z "${CUDA_HOME:-}" ] && [ ! -d /usr/local/cuda/nvvm ] || return 0
    mkdir -p "$work/cuda/nvvm/lib64" "$work/cuda/lib64"
    find "$work/site/nvidia" -name 'libnvvm.so*' -exec ln -s '{}' "$work/cuda/nvvm/lib64/" ';'
    find "$work/site/nvidia" -name 'libcudart.so*' -exec ln -s '{}' "$work/cuda/lib64/" ';'
    find "$work/site/nvidia" -type d -name libdevice -exec ln -s '{}' "$work/cuda/nvvm/" ';'
    export CUDA_HOME=$work/cuda
}

usable_gpus='
import json, sys
for spec in json.load(sys.stdin)["backends"]:
    if spec["unavailable"] is None and (spec["hardware"] or {}).get("kind") == "gpu":
        print(spec["name"])
'

measure() {
    local python names chosen=() name record began
    python=$(find_python) || exit $?
    began=$(date +%s)
    work=$(mktemp -d) || fail "no temporary folder can be made; set TMPDIR to one"
    trap 'rm -rf "$work"' EXIT
    out=$work/hashjoule-gpu-$(uname -n)-$(date -u +%Y%m%dT%H%M%SZ)
    mkdir "$out"
    printf '%s  unpacking the wheels\n' "$(date +%T)"
    "$python" "$(echo "$here"/wheels/pip-*.whl)/pip" install --quiet --no-compile --root-user-action ignore \
        --disable-pip-version-check --no-index --find-links "$here/wheels" \
        --target "$work/site" --no-warn-script-location 'hashjoule[meter,numba,opencl]' nvidia-nvvm nvidia-cuda-runtime ||
        fail "the wheels do not fit this machine; pack the kit on one of the same kind"
    find_nvvm
    export PYTHONPATH=$work/site XDG_CACHE_HOME=$work/cache POCL_CACHE_DIR=$work/pocl NUMBA_CACHE_DIR=$work/numba
    hashjoule=("$python" -m hashjoule)

    step system 20 bash -c 'uname -a; cat /etc/os-release; lscpu; nvidia-smi -q; rocm-smi; ls -R /etc/OpenCL'
    step devices 60 "${hashjoule[@]}" devices
    "${hashjoule[@]}" devices --json >"$out/devices.json" 2>>"$out/devices.txt"
    names=("$@")
    [ $# -gt 0 ] || mapfile -t names < <("$python" -c "$usable_gpus" <"$out/devices.json")
    if [ ${#names[@]} -eq 0 ]; then
        cat "$out/devices.txt"
        fail "no GPU can be used here; the table above says why"
    fi
    for name in "${names[@]}"; do chosen+=(--backend "$name"); done
    printf '          measuring %s\n' "${names[*]}"

    step prepare 150 "${hashjoule[@]}" prepare "${chosen[@]}"
    step check 60 "${hashjoule[@]}" check --seconds 3 "${chosen[@]}"
    step bench 90 "${hashjoule[@]}" bench --seconds 10 --save "$out/records" "${chosen[@]}"
    step sustained 150 "${hashjoule[@]}" bench --seconds 2 --sustained 120 --save "$out/sustained" --backend "${names[0]}"
    if [ -x "$here/hashcat/hashcat.bin" ]; then
        step hashcat 60 bash -c "cd '$here/hashcat' && ./hashcat.bin -b -m 21400 -D 2 --force --quiet --machine-readable"
        step bench_after_hashcat 60 "${hashjoule[@]}" bench --seconds 5 --save "$out/records" "${chosen[@]}"
    fi
    record=$(find "$out/records" -name '*.json' | sort | tail -n 1)
    # Without a meter there are no joules to explain, and this step says so.
    [ -n "$record" ] && step explain 30 "${hashjoule[@]}" explain "$record"

    tar -C "$work" -czf "$(basename "$out").tar.gz" "$(basename "$out")" || fail "the file could not be written here"
    printf '%s  done in %s s. Send this file: %s\n' "$(date +%T)" "$(($(date +%s) - began))" "$PWD/$(basename "$out").tar.gz"
    cat "$out/bench.txt"
}

case ${1:-} in
pack) shift && pack "$@" ;;
-h | --help) sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" ;;
*) measure "$@" ;;
esac
