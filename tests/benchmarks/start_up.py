"""How long the command takes to answer: its help, and the status of many runs."""

from __future__ import annotations

import re
import tempfile
from functools import partial
from pathlib import Path

from subnets.workspace import Folder, held
from tests.benchmarks.commands import ended
from tests.benchmarks.harness import Setting, Unequal, take_turns
from tests.benchmarks.lines import Line, at_most, line

LANGUAGES = ("ar", "de", "en", "es", "fa", "fr", "hi", "ru", "sw", "ur", "zh")
STATES = ("results.json", "failed.json", None)


def measure(setting: Setting) -> tuple[list[Line], list[str]]:
    """Python starts, answers and ends."""
    setting.on_cpu_only()
    with tempfile.TemporaryDirectory() as scratch:
        runs = setting.size.runs
        _write_runs(Path(scratch), runs)
        words = {"help": ["--help"], "status": ["step=status", f"runs_dir={scratch}"]}
        sides = {name: partial(ended, *each) for name, each in words.items()}
        said = next(row for row in sides["status"]().out.splitlines() if row.startswith("mini "))
        if sum(int(number) for number in re.findall(r"\d+", said)) != runs:
            raise Unequal(f"the status of {runs} runs says {said!r}")
        found = take_turns(sides, setting.turns(5))
    seconds = {name: [each.seconds for each in turns] for name, turns in found.items()}
    return [
        line("--help", unit="s", ours=seconds["help"], mark=at_most(2, "s")),
        line(f"step=status, {runs:,} runs", unit="s", ours=seconds["status"], mark=at_most(3, "s")),
    ], []


def _write_runs(root: Path, runs: int) -> None:
    """Most of them done, some failed, some begun."""
    for number in range(runs):
        lang = LANGUAGES[number % len(LANGUAGES)]
        folder = Folder(root / "mini" / "ner" / lang / f"seed{number}-{number:08x}")
        with held(folder, {"seed": number}):
            finished = STATES[0 if number % 10 else number % 3]
            if finished:
                folder.write_json(finished, {"message": "no data"})
