"""The shared test vectors, typed, and the plain `hashlib` arithmetic that tests compare with.

Nothing here imports the package under test: what is checked and what it is checked with stay apart.
"""

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
"""The repository."""

VECTORS = ROOT / "tests" / "vectors"
GOLDEN_RECORD = ROOT / "tests" / "golden" / "record-1.json"
GOLDEN_RECORD_WITH_HARDWARE = ROOT / "tests" / "golden" / "record-1-hardware.json"
GOLDEN_RECORD_WITH_CYCLES = ROOT / "tests" / "golden" / "record-1-cycles.json"
GOLDEN_RECORD_WITH_GAUGE = ROOT / "tests" / "golden" / "record-1-gauge.json"
PACKAGE_DATA = ROOT / "src" / "hashjoule" / "data"

BIP320_MASK = 0x1FFF_E000
"""The sixteen version bits, 13 to 28, that BIP 320 sets aside for miners to roll."""


def sha256d(data: bytes) -> bytes:
    """Return SHA-256 of SHA-256, in SHA-256's byte order."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def hash_value(header: bytes) -> int:
    """Return the header's hash as the little-endian number that is compared with the target."""
    return int.from_bytes(sha256d(header), "little")


def meets(header: bytes, target: int) -> bool:
    """Return whether the header's hash is at most the target."""
    return hash_value(header) <= target


def near_misses(header: bytes) -> dict[str, bytes]:
    """Return copies of the header with one small change each, by the name of the change."""
    version, time, nbits, nonce = *struct.unpack_from("<I", header), *struct.unpack_from("<III", header, 68)

    def changed(**fields: int) -> bytes:
        now = {"version": version, "time": time, "nonce": nonce} | fields
        tail = struct.pack("<III", now["time"], nbits, now["nonce"])
        return struct.pack("<I", now["version"]) + header[4:68] + tail

    return {
        "nonce + 1": changed(nonce=(nonce + 1) % 2**32),
        "nonce - 1": changed(nonce=(nonce - 1) % 2**32),
        "version bit 13": changed(version=version ^ 1 << 13),
        "version bit 28": changed(version=version ^ 1 << 28),
        "time bit 0": changed(time=time ^ 1),
    }


@dataclass(frozen=True)
class HeaderVector:
    """The header of a real block, and its source.

    `header` holds the 80 bytes as they travel, `hash_hex` the block hash as it is shown: highest byte first.
    """

    name: str
    height: int
    chain: str
    header: bytes
    hash_hex: str
    source: str
    comment: str

    @property
    def version(self) -> int:
        """The version as an unsigned number, BIP 320 bits included."""
        return self._u32(0)

    @property
    def time(self) -> int:
        """Seconds since 1970, as the miner claimed."""
        return self._u32(68)

    @property
    def nbits(self) -> int:
        """The target in its compact form."""
        return self._u32(72)

    @property
    def nonce(self) -> int:
        """The nonce that won."""
        return self._u32(76)

    @property
    def target(self) -> int:
        """The largest hash that counts: the low 23 bits of nbits, times 256 to its highest byte less 3."""
        return (self.nbits & 0x7F_FFFF) << 8 * ((self.nbits >> 24) - 3)

    def _u32(self, offset: int) -> int:
        return int.from_bytes(self.header[offset : offset + 4], "little")


@dataclass(frozen=True)
class MessageVector:
    """A message, written `repeat` times over, and its SHA-256."""

    name: str
    unit: bytes
    repeat: int
    digest: bytes
    source: str
    comment: str

    @property
    def message(self) -> bytes:
        """The whole message."""
        return self.unit * self.repeat


@dataclass(frozen=True)
class CompressionVector:
    """One call of the compression function: `block` turns `state` into `out`, all in big-endian words."""

    name: str
    state: bytes
    block: bytes
    out: bytes
    source: str
    comment: str


def load(name: str) -> Any:
    """Return the content of a file of vectors; `headers.json` is part of the package, for `hashjoule check`."""
    folder = PACKAGE_DATA if name == "headers.json" else VECTORS
    return json.loads((folder / name).read_text(encoding="utf-8"))


def headers() -> list[HeaderVector]:
    """Return all headers: Bitcoin's main chain by height, then the first block of each test chain."""
    return [
        HeaderVector(
            name=entry["name"],
            height=entry["height"],
            chain=entry["chain"],
            header=bytes.fromhex(entry["header_hex"]),
            hash_hex=entry["hash_hex"],
            source=entry["source"],
            comment=entry["comment"],
        )
        for entry in load("headers.json")
    ]


def messages() -> list[MessageVector]:
    """Return messages with their SHA-256: examples of FIPS 180 and a selection of NIST's CAVP vectors."""
    return [
        MessageVector(
            name=entry["name"],
            unit=bytes.fromhex(entry["message_hex"]),
            repeat=entry["repeat"],
            digest=bytes.fromhex(entry["digest_hex"]),
            source=entry["source"],
            comment=entry["comment"],
        )
        for entry in load("sha256.json")["messages"]
    ]


def compressions() -> list[CompressionVector]:
    """Return single calls of the compression function, for code that does no padding."""
    return [
        CompressionVector(
            name=entry["name"],
            state=bytes.fromhex(entry["state_hex"]),
            block=bytes.fromhex(entry["block_hex"]),
            out=bytes.fromhex(entry["out_hex"]),
            source=entry["source"],
            comment=entry["comment"],
        )
        for entry in load("sha256.json")["compressions"]
    ]
