"""What a figure depends on beside the code: processor, cores, load, threads, versions, commit."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from tests.benchmarks.harness import Skipped

AMX = "amx_bf16"  # the processor's flag for matrix products of bf16


def described(device: str) -> dict[str, Any]:
    """The machine, by what each is called in the table's head. Imports torch: call it in a process of its own.

    Raises:
        Skipped: there is no such device, or it has no bf16.
    """
    import torch

    from subnets.provenance import software

    if device == "cuda" and not (torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)):
        raise Skipped("no CUDA device with bf16 is visible; allowed here: cpu")

    known = software()
    versions = {"python": known["python"], **known["versions"]}
    found = {
        "processor": f"{processor()}, {os.cpu_count()} cores, AMX for bf16: {'yes' if has_amx() else 'no'}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "threads of torch": torch.get_num_threads(),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items() if version),
        "commit": known["commit"] or "not from a checkout",
    }
    if device == "cuda":
        found["device"] = torch.cuda.get_device_name()
    return found


def busy_seconds() -> float:
    """Seconds that all cores together have been at work since the machine started (Linux; 0 elsewhere)."""
    path = Path("/proc/stat")
    if not path.is_file():
        return 0.0
    user, nice, system, _idle, _waiting, irq, soft_irq, *_ = map(int, path.read_text().splitlines()[0].split()[1:])
    return (user + nice + system + irq + soft_irq) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """Of these, those of this process and of the processes that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def processor() -> str:
    """The processor's name, as Linux has it."""
    return _of_cpu("model name") or platform.processor() or platform.machine()


def has_amx() -> bool:
    """Whether the processor multiplies matrices of bf16 by itself."""
    return AMX in _of_cpu("flags").split()


def _of_cpu(what: str) -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(what)), "")
