"""The project's command as a user types it: its seconds by the clock, and its peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    """How a command that succeeded ended; `peak` are its bytes of resident memory at the most."""

    seconds: float
    peak: int
    out: str


def ended(*words: str) -> Ended:
    """`python -m subnets.run WORDS` from start to end.

    The peak is that of the process (`ru_maxrss` of wait4). Linux counts what its parent had as it started it, so this
    is to be called from a process that is small itself.

    Raises:
        RuntimeError: it failed.
    """
    command = [sys.executable, "-m", "subnets.run", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    assert process.stdout
    with process.stdout as pipe:
        out = pipe.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}: {out.strip().splitlines()[-1:]}")
    return Ended(seconds, 1024 * usage.ru_maxrss, out)
