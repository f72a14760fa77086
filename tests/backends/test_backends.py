"""Every backend that this machine can use, against hashlib. A new spec of the registry is tested as it stands."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashjoule import backends, check
from hashjoule.backends import Backend, BackendSpec, c
from hashjoule.backends.reference import Reference
from hashjoule.errors import UnavailableError, UsageError
from hashjoule.job import MAX_TARGET, NONCES, Header, Hit, Job
from tests.fakes import spec_of
from tests.support import CompressionVector, HeaderVector, compressions, headers, near_misses

ROWS = backends.specs()
USABLE = [spec for spec in ROWS if not spec.unavailable]
MAIN = [vector for vector in headers() if vector.chain == "main"]


@pytest.fixture(params=USABLE, ids=lambda spec: spec.name)
def spec(request: pytest.FixtureRequest) -> BackendSpec:
    """Each usable spec in turn."""
    found: BackendSpec = request.param
    return found


@pytest.fixture
def backend(spec: BackendSpec) -> Backend:
    """The spec's backend."""
    return spec.open()


def pairs(hits: list[Hit]) -> list[tuple[int, int]]:
    """Hits in an order of their own, doubles kept."""
    return sorted((hit.version, hit.nonce) for hit in hits)


def assert_as_hashlib(backend: Backend, job: Job, first: int, count: int) -> None:
    """The backend finds exactly what hashlib finds."""
    assert pairs(backend.scan(job, first, count)) == pairs(Reference().scan(job, first, count))


@pytest.mark.parametrize("vector", MAIN, ids=lambda v: v.name)
def test_finds_real_blocks(backend: Backend, spec: BackendSpec, vector: HeaderVector) -> None:
    """A real block's solution is found among its neighbours, plain and rolled, and nothing else is."""
    header = Header.parse(vector.header)
    solution = Hit(header.version, header.nonce)
    for mode in check.MODES:
        job = check.job_for(header, spec, mode)
        assert backend.scan(job, (header.nonce - 7) % NONCES, 40) == [solution]


@pytest.mark.parametrize("vector", MAIN[::4], ids=lambda v: v.name)
def test_rejects_near_misses(backend: Backend, vector: HeaderVector) -> None:
    """One bit of time or version, or one nonce, away from a real block there is no solution."""
    for near in map(Header.parse, near_misses(vector.header).values()):
        assert backend.scan(Job.plain(near), near.nonce, 1) == []


def test_targets_are_inclusive(backend: Backend) -> None:
    """A hash that equals the target is a hit; one above it is not."""
    header = Header.parse(MAIN[5].header)
    exact = int.from_bytes(header.hash(), "little")
    assert backend.scan(Job.plain(header, exact), header.nonce, 1) == [Hit(header.version, header.nonce)]
    assert backend.scan(Job.plain(header, exact - 1), header.nonce, 1) == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 300])
def test_every_nonce_once_where_all_hit(backend: Backend, spec: BackendSpec, count: int) -> None:
    """With the highest target each (version, nonce) of the range is reported, once, whatever the range's length."""
    header = Header.parse(MAIN[0].header)
    job = Job.plain(header, MAX_TARGET)
    first = NONCES - count // 2  # wraps past 2^32
    nonces = [(first + i) % NONCES for i in range(count)]
    assert pairs(backend.scan(job, first % NONCES, count)) == sorted((1, n) for n in nonces)
    rolled = Job.rolled(header, limit=5, target=MAX_TARGET)
    expected = sorted((v, n) for v in rolled.versions for n in nonces)
    assert pairs(backend.scan(rolled, first % NONCES, count)) == expected


def test_no_hit_is_lost_when_there_are_very_many(backend: Backend) -> None:
    """More hits than any buffer holds come back complete."""
    job = Job.plain(Header.parse(MAIN[0].header), MAX_TARGET)
    hits = backend.scan(job, NONCES - 5_000, 20_011)
    assert len(hits) == len(set(hits)) == 20_011


def test_the_hardest_target_is_never_met(backend: Backend) -> None:
    """Target 1 yields nothing."""
    assert backend.scan(Job.plain(Header.parse(MAIN[0].header), 1), 0, 20_000) == []


@pytest.mark.parametrize("versions", [2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 100, 255, 256])
def test_any_number_of_versions(backend: Backend, versions: int) -> None:
    """Rolled jobs of any size, padded lanes included, agree with hashlib."""
    job = Job.rolled(Header.parse(MAIN[-1].header), limit=versions, target=MAX_TARGET >> 5)
    assert len(job.versions) == versions
    assert_as_hashlib(backend, job, NONCES - 3, 9)


@settings(max_examples=60)
@given(st.data())
def test_any_job_range_and_target(data: st.DataObject) -> None:
    """Random headers, ranges and targets: every backend agrees with hashlib on each of them."""
    header = Header.parse(data.draw(st.binary(min_size=80, max_size=80)))
    target = data.draw(st.integers(0, 12).map(lambda bits: MAX_TARGET >> bits) | st.integers(1, MAX_TARGET))
    versions = data.draw(st.just(1) | st.integers(2, 40))
    job = Job.plain(header, target) if versions == 1 else Job.rolled(header, limit=versions, target=target)
    count = data.draw(st.integers(0, 260 // versions + 1))
    first = data.draw(st.sampled_from([0, NONCES - 1, NONCES - count // 2 - 1]) | st.integers(0, NONCES - 1))
    expected = pairs(Reference().scan(job, first, count))
    for spec in USABLE:
        assert pairs(check.ready(spec).scan(job, first, count)) == expected, spec.name


def test_a_long_range_agrees_with_the_others() -> None:
    """A few hundred thousand hashes, with rare hits: all backends report the same ones."""
    header = Header.parse(random.Random(7).randbytes(80))
    job = Job.plain(header, MAX_TARGET >> 14)
    expected = pairs(Reference().scan(job, NONCES - 100_000, 200_000))
    assert expected
    for spec in USABLE:
        assert pairs(check.ready(spec).scan(job, NONCES - 100_000, 200_000)) == expected, spec.name


@pytest.mark.parametrize("vector", compressions(), ids=lambda v: v.name)
def test_compression_function_of_the_c_core(vector: CompressionVector) -> None:
    """The core's plain compression function gives the published states."""

    def words(data: bytes) -> tuple[int, ...]:
        return tuple(int.from_bytes(data[i : i + 4], "big") for i in range(0, len(data), 4))

    assert c.compress(words(vector.state), words(vector.block)) == words(vector.out)


def test_registry_names_are_unique_and_explained() -> None:
    """Each spec has a name of its own; one that cannot be used says why."""
    names = [spec.name for spec in ROWS]
    assert len(names) == len(set(names))
    assert all(spec.unavailable is None or len(spec.unavailable) > 20 for spec in ROWS)


def test_select_expands_providers_and_refuses_unknown_names() -> None:
    """`c` stands for all usable C variants; nonsense is bad input."""
    assert [spec.name for spec in backends.resolve(["c"])] == [r.name for r in USABLE if r.name.startswith("c:")]
    for nonsense in ("d", "c:avx1024", "", ":", "reference:2"):
        with pytest.raises(UsageError):
            backends.resolve([nonsense])


def test_a_missing_variant_is_bad_input_and_a_missing_device_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forcing a C variant that this CPU lacks exits with 2; a device that is not there with 3. Both say why."""
    missing = [
        replace(spec_of(Reference(), name), unavailable=why)
        for name, why in (("c:none", "this CPU lacks sha"), ("dev:0", "no driver"))
    ]
    monkeypatch.setattr(backends, "specs", lambda provider=None: [r for r in missing if r.name.startswith(provider)])
    monkeypatch.setitem(backends.PROVIDERS, "dev", "none")
    with pytest.raises(UsageError, match="lacks sha"):
        backends.resolve(["c:none"])
    for name in ("dev:0", "dev"):
        with pytest.raises(UnavailableError, match="no driver"):
            backends.resolve([name])
