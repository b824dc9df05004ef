"""Memory that must be there before work begins that a lack of it would abort, as C++ and Rust code do."""

from __future__ import annotations

import mmap
import os

FOR_TORCH = 800 << 20  # bytes of address space that torch, two threads and a tiny model take


def check_memory(size: int) -> None:
    """Raises MemoryError where `size` more bytes of address space cannot be had. Nothing is allocated.

    Tells of limits (`ulimit -v`) and of a machine that promises no more than it has, not of how much memory is free.
    """
    if size and os.name == "posix":
        try:
            mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
        except (OSError, OverflowError):
            raise MemoryError(f"{size:,} bytes") from None
