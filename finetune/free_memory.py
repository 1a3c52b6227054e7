"""What the C library does with memory that is free: keeps it for the next block, or gives it back to the kernel."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4  # of glibc's malloc.h
SET_BY_USERS = (
    "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES"
)  # fmt: skip
MAPPED_FROM = 32 * 2**20  # bytes: where glibc's own adjustment ends, which is off once anything has been set
MAPPED_AT_MOST = 65_536  # blocks
_kept = Lock()  # glibc's settings are the whole process's: the outermost block sets them


def give_back_free_memory() -> None:
    """Gives the kernel the free pages between blocks in use, where the C library is glibc; elsewhere does nothing.

    By itself glibc gives back only those at the end of its heap. What is asked for next then adds less to the peak.
    """
    trim = _of_glibc("malloc_trim", ctypes.c_size_t)
    if trim is not None:
        trim(0)


@contextmanager
def free_memory_kept() -> Iterator[None]:
    """Within, what is freed is kept for what is asked for next, where the C library is glibc; then it is given back.

    By itself glibc asks the kernel anew for each large block (mallopt(3)), and a page is cleared at its first touch: at
    mBERT's size 1.4 GB of them in a training step, which asks for the same blocks again and again. Afterwards blocks
    are mapped from 32 MB on, where glibc's own adjustment ends too. Does nothing where a variable of `SET_BY_USERS` is
    set.
    """
    set_to = None if any(map(os.environ.get, SET_BY_USERS)) else _of_glibc("mallopt", ctypes.c_int, ctypes.c_int)
    if set_to is None or not _kept.acquire(blocking=False):
        yield
        return
    try:
        set_to(MMAP_MAX, 0)
        set_to(TRIM_THRESHOLD, -1)
        yield
    finally:
        set_to(MMAP_MAX, MAPPED_AT_MOST)
        set_to(MMAP_THRESHOLD, MAPPED_FROM)
        set_to(TRIM_THRESHOLD, 2 * MAPPED_FROM)
        _kept.release()
        give_back_free_memory()


@cache
def _of_glibc(name: str, *arguments: Any) -> Callable[..., int] | None:
    if sys.platform != "linux":
        return None
    found = getattr(ctypes.CDLL(None), name, None)
    if found is not None:
        found.argtypes = arguments
    return found
