"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written(content: bytes, folder: Path) -> Iterator[Path]:
    """A temporary file of that folder with this content, safe on the disk, to be given its name within the block.

    It is gone afterwards, unless it was renamed. Only its owner may read it. Raises OSError.
    """
    handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".tmp")
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield path
    finally:
        path.unlink(missing_ok=True)
