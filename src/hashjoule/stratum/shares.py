"""Checking a submitted share: rebuild the header from the job and hash it with hashlib."""

from __future__ import annotations

from hashjoule.job import Header
from hashjoule.stratum.jobs import StratumJob
from hashjoule.stratum.messages import ErrorCode, Submit

MAX_TIME_AHEAD_SECONDS = 2 * 60 * 60
"""How far a share's time may lie from its job's: nodes reject blocks that are two hours ahead of their clock."""


class ShareError(ValueError):
    """A submitted share does not count; `code` is the error code for the answer."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def submit_of(user: str, job: StratumJob, extranonce2: bytes, header: Header, mask: int | None) -> Submit:
    """Return the parameters of mining.submit for a header found on a job.

    `mask` is the version mask of the connection, or None where version rolling was not configured.
    """
    return Submit(
        user=user,
        job_id=job.id,
        extranonce2=extranonce2.hex(),
        time=f"{header.time:08x}",
        nonce=f"{header.nonce:08x}",
        version_bits=None if mask is None else f"{header.version & mask:08x}",
    )


def submitted_header(job: StratumJob, submit: Submit, mask: int = 0) -> Header:
    """Rebuild the header that a share stands for.

    The share's version bits replace those of the job inside the mask (BIP 310).

    Raises:
        ShareError: The extranonce2 has the wrong size, version bits lie outside the mask, or the time lies more than
            two hours from the job's.
    """
    extranonce2 = bytes.fromhex(submit.extranonce2)
    if len(extranonce2) != job.extranonce2_size:
        raise ShareError(ErrorCode.OTHER, f"extranonce2 must have {job.extranonce2_size} bytes")
    bits = 0 if submit.version_bits is None else int(submit.version_bits, 16)
    if bits & ~mask:
        raise ShareError(ErrorCode.OTHER, "version bits outside the mask")
    seconds = int(submit.time, 16) - job.time
    if abs(seconds) > MAX_TIME_AHEAD_SECONDS:
        raise ShareError(ErrorCode.OTHER, "time out of range")
    header = job.header(extranonce2, seconds)
    version = header.version if submit.version_bits is None else (header.version & ~mask) | bits
    return Header(version, header.prev_hash, header.merkle_root, header.time, header.nbits, int(submit.nonce, 16))


def check_share(job: StratumJob, submit: Submit, mask: int = 0) -> Header:
    """Return the header of a share that meets its job's target.

    Whether the job still counts and whether the share was submitted before is for the caller to know.

    Raises:
        ShareError: See `submitted_header`, or the header's hash lies above the share target.
    """
    header = submitted_header(job, submit, mask)
    if not header.meets(job.target):
        raise ShareError(ErrorCode.LOW_DIFFICULTY, "low difficulty share")
    return header
