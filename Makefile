# make bench   measure this machine            make test    everything that CI tests
# make lint    ruff and mypy                   make cycles  cycles per hash of the bare C core
# make speed   fails where a backend is slower than the record of this kind of CPU in results/
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: bench test lint cycles speed clean
.DELETE_ON_ERROR:

bench: $(VENV)/installed
	$(BIN)/hashjoule bench

test: $(VENV)/installed-dev .cache/bitcoind/bin/bitcoind
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	HASHJOULE_BITCOIND=$(abspath .cache/bitcoind) $(BIN)/pytest

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

cycles: $(VENV)/installed-dev
	$(BIN)/cmake -S . -B build/tools -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) -DCMAKE_BUILD_TYPE=Release -DHASHJOULE_TOOLS=ON
	$(BIN)/cmake --build build/tools
	build/tools/cycles

speed: $(VENV)/installed-dev
	$(BIN)/python -m pytest bench/test_speed.py -q -s --benchmark-disable-gc --benchmark-columns=median,iqr,rounds

SOURCES := pyproject.toml CMakeLists.txt $(wildcard csrc/* kernels/*)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/installed: $(SOURCES) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[all]'
	touch $@

$(VENV)/installed-dev: $(SOURCES) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[all,dev]'
	touch $@ $(VENV)/installed

.cache/bitcoind/bin/bitcoind: tools/get-bitcoind
	tools/get-bitcoind $(abspath .cache/bitcoind)
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
