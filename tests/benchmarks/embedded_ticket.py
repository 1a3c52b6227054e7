"""A ticket of the embedded world by the README's first command, in an empty folder: seconds and memory."""

from __future__ import annotations

import tempfile

from tests.benchmarks.commands import Ended, ended
from tests.benchmarks.harness import Setting, take_turns
from tests.benchmarks.lines import Line, at_most, line

SMALL = (
    "finetune.steps=4", "data.train_examples=50", "data.validation_examples=50", "data.test_examples=50",
    "ticket.rule=bootstrap",
)  # fmt: skip


def measure(setting: Setting) -> tuple[list[Line], list[str]]:
    """From start to end as typed, with all its controls and dense runs."""
    more = SMALL if setting.size.name == "tiny" else ()

    def find() -> Ended:
        with tempfile.TemporaryDirectory() as runs:
            return ended("lang=de", "task=xnli", f"runs_dir={runs}", f"device={setting.device}", *more)

    found = take_turns({"ours": find}, setting.turns(1))["ours"]
    said = [row for row in found[-1].out.splitlines() if row.startswith(("ticket at", "no ticket"))]
    return [
        line("embedded ticket, lang=de task=xnli", unit="s", ours=[each.seconds for each in found],
             mark=at_most(180, "s")),
        line("peak memory of it", unit="B", ours=[each.peak for each in found], mark=at_most(1.5e9, "B")),
    ], [f"it ends with: {row.strip()}" for row in said]  # fmt: skip
