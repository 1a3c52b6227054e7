"""The rows by name, and how one is measured: in a process of its own, so that none finds the memory of another."""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module

from tests.benchmarks.harness import Setting, Skipped, Unequal, in_child
from tests.benchmarks.lines import Line, Measured
from tests.benchmarks.machine import busy_seconds, own_seconds

# Each is a module of this folder, whose `measure` gives lines and what is to be said of them.
ROWS = (
    "masked_step",
    "pruned_rounds",
    "ticket",
    "vocabulary_logits",
    "narrow_vocabulary",
    "selection",
    "overlap",
    "mask_file",
    "start_up",
    "embedded_ticket",
    "step_ways",
    "what_is_left",
)


def measured(name: str, setting: Setting) -> Measured:
    """A row; what goes wrong in it is said of it and ends no other."""
    began, busy, own = time.perf_counter(), busy_seconds(), own_seconds()
    try:
        lines, notes = in_child(_measure, name, setting)
        found = {"lines": lines, "notes": notes}
    except Skipped as problem:
        found = {"skipped": str(problem)}
    except Unequal as problem:
        found = {"failed": f"the sides are not equal, so no ratio is given: {problem}"}
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        found = {"failed": str(problem).strip().splitlines()[-1]}
    seconds = time.perf_counter() - began
    others = (busy_seconds() - busy - (own_seconds() - own)) / (seconds * (os.cpu_count() or 1))
    return Measured(name, **found, seconds=round(seconds, 1), others=round(max(0.0, others), 3))


def _measure(name: str, setting: Setting) -> tuple[list[Line], list[str]]:
    return import_module(f"tests.benchmarks.{name}").measure(setting)
