"""Memory that is free and not given back."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache


def give_back_free_memory() -> None:
    """Gives the kernel the free pages between blocks in use, where the C library is glibc; elsewhere does nothing.

    By itself glibc gives back only those at the end of its heap. What is asked for next then adds less to the peak.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    if sys.platform != "linux":
        return None
    found = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if found is not None:
        found.argtypes = [ctypes.c_size_t]
    return found
