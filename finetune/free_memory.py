"""Memory that is free and not given back."""

from __future__ import annotations

import ctypes
import sys


def give_back_free_memory() -> None:
    """Gives the kernel what the C library keeps for later, where that is glibc; it else does so only at its heap's end.

    A process's peak is then what it uses, and not what it has used in blocks of other sizes.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
