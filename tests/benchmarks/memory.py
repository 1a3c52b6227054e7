"""Memory in use, and its peak since a moment: of this process, or of a CUDA device."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from finetune.free_memory import give_back_free_memory


def in_use(device: str = "cpu") -> int:
    """Bytes: resident of the process (Linux) without what is free in it, or allocated on the device."""
    if device == "cuda":
        return int(_cuda().memory_allocated())
    give_back_free_memory()  # which would hide what work asks for: gigabytes
    return resident()


def resident() -> int:
    """Bytes of this process in memory (Linux), what is free among them too."""
    return _of_process("VmRSS")


def reset_peak(device: str = "cpu") -> None:
    """From now on `peak` counts anew."""
    if device == "cuda":
        _cuda().reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")


def peak(device: str = "cpu") -> int:
    """The most bytes in use since `reset_peak`. The kernel keeps this count, so that nothing is missed."""
    if device == "cuda":
        return int(_cuda().max_memory_allocated())
    return _of_process("VmHWM")


def rise(work: Callable[[], object], device: str = "cpu") -> int:
    """How many bytes more than before are in use while some work is done, at the most."""
    before = in_use(device)
    reset_peak(device)
    work()
    return max(0, peak(device) - before)


def _of_process(what: str) -> int:
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, what
    return 1024 * int(found[1])


def _cuda():
    import torch  # not above: rows about start-up do without it

    torch.cuda.synchronize()
    return torch.cuda
