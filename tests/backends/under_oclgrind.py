"""What test_opencl runs inside oclgrind: each kind of kernel over a few nonces around a known block."""

from __future__ import annotations

import pyopencl as cl

from hashjoule import check
from hashjoule.backends.opencl_kernel import Program, Variant
from hashjoule.job import Job

VARIANTS = (
    Variant(local=4),
    Variant(local=2, per_item=2, mad_adds=True),
    Variant(chains=2, local=2, rolled=True),
    Variant(width=4, per_item=2),
    Variant(width=4, per_item=2, pipelined=True),
    Variant(width=4, per_item=2, rolled=True, pipelined=True),
)


def main() -> None:
    """Prints a line for each variant: how many candidates it reports, and the first as (midstate, nonce)."""
    (device,) = [device for platform in cl.get_platforms() for device in platform.get_devices()]
    header = check.known_blocks()[0].header
    for variant in VARIANTS:
        job = Job.rolled(header, limit=3) if variant.rolled else Job.plain(header)
        count, pairs = Program(device, variant, device.name).launch(job, header.nonce - 7, 10)
        print(device.name, count, pairs[:1])


if __name__ == "__main__":
    main()
