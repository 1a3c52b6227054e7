"""Where a run's numbers come from: versions, commit, device, and the fingerprints of base and data."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("subnets", "torch", "transformers", "tokenizers", "datasets", "evaluate", "accelerate", "numpy")


def software() -> dict[str, Any]:
    """Versions of what computes, and the commit of this project where it runs from a checkout."""
    versions = {name: _version(name) for name in PACKAGES}
    return {"commit": _commit(), "python": platform.python_version(), "versions": versions}


def machine(device: torch.device, *, precision: str, ranks: int) -> dict[str, Any]:
    """What bytes depend on: the device, its precision, the threads and ranks."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    threads = torch.get_num_threads()
    return {"device": device.type, "name": name, "precision": precision, "threads": threads, "ranks": ranks}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The checkout's commit, with a + where files differ from it; None outside a checkout or without git."""
    here = Path(__file__).resolve().parent.parent
    if not (here / ".git").exists():
        return None
    ask = ["git", "-C", str(here), "describe", "--always", "--dirty=+", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(ask, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
