"""What the savings of `pruning.stop_when_stable` and `pruning.skip_to` save and cost, beside the full procedure.

Run from the repository: `python -m tests.benchmarks.savings RUNS_DIR VARIANT[;VARIANT...] OVERRIDE...`, where a variant
is one or more overrides joined by +, and the others are those of a run, among them `lang=`, `task=` and, if more than
one seed is to be tried, `seed=0,1,2`:

    python -m tests.benchmarks.savings /tmp/savings "pruning.stop_when_stable=0.01;pruning.skip_to=0.4" \\
        lang=de task=xnli seed=0,1,2 "pruning.sparsities=[0.2,0.4,0.6,0.8]"

Every variant goes to the same last sparsity. Printed as Markdown: training steps of the rounds, how far the last masks
agree with those of the full procedure beside how far those of its seeds agree with each other, the score of the last
mask trained to its end, less that of the full procedure (outcomes of all seeds; examples are resampled), the tickets.
Finished runs are not computed again, and round 0, which no stop shortens, is taken from the full procedure.
"""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from finetune.outcomes import metric_called
from pruning.mask import Mask
from pruning.mask_file import read_mask
from subnets.settings import Settings
from subnets.statistics import Interval, difference_interval
from subnets.steps import find
from subnets.workspace import Folder, run_folder
from tests.composed import settings

RESAMPLES = 2000
FULL = "the full procedure"


@dataclass(frozen=True)
class Tried:
    """One run: its results, the mask of its last round, and how many steps its rounds took."""

    folder: Folder
    results: dict[str, Any]
    mask: Mask
    steps: int

    @property
    def last(self) -> dict[str, Any]:
        """The last round, which is always trained to its end."""
        return dict(self.results["rounds"][-1])

    @property
    def counts(self) -> np.ndarray:
        """The outcomes of the last round on validation."""
        return load_file((self.folder.path / self.last["mask"]).parent / "outcomes.safetensors")["validation"]


def main(runs_dir: str, variants: Sequence[str], overrides: Sequence[str]) -> None:
    """Runs what is not there, and prints the table."""
    seeds = next((each.removeprefix("seed=").split(",") for each in overrides if each.startswith("seed=")), ["0"])
    common = [f"runs_dir={runs_dir}", *(each for each in overrides if not each.startswith("seed=")), "controls=[]"]
    full = [tried([*common, f"seed={seed}"]) for seed in seeds]
    print("```")
    print("python -m tests.benchmarks.savings RUNS_DIR", f'"{";".join(variants)}"', *overrides)
    print("```")
    print("| | steps | saved | Jaccard with the full procedure | score | less the full procedure | own tickets |")
    print("|---|---|---|---|---|---|---|")
    ceiling = [jaccard(left.mask, right.mask) for left, right in combinations(full, 2)]
    among = f"its seeds: {statistics.fmean(ceiling):.3f}" if ceiling else "one seed"
    print(row(FULL, full, full, among, "–"))
    for variant in variants:
        found = [
            tried([*common, f"seed={seed}", *variant.split("+")], beside=own)
            for seed, own in zip(seeds, full, strict=True)
        ]
        agreement = statistics.fmean(jaccard(one.mask, own.mask) for one, own in zip(found, full, strict=True))
        print(row(f"`{variant.replace('+', ' ')}`", found, full, f"{agreement:.3f}", str(difference(found, full))))


def tried(overrides: Sequence[str], *, beside: Tried | None = None) -> Tried:
    """A finished run of these overrides; where it may stop rounds early, its dense round is that of `beside`."""
    given = settings(*overrides)
    folder = run_folder(given)
    if beside and only_stops(overrides) and not (folder.path / "rounds").exists():
        shutil.copytree(beside.folder.path / "rounds/0", folder.path / "rounds/0")
        (folder.path / "rounds/1").mkdir()
        shutil.copy(beside.folder.path / "rounds/1/mask.safetensors", folder.path / "rounds/1")
    with redirect_stdout(sys.stderr):
        find.run(given)
    results = folder.read_json("results.json")
    mask, _ = read_mask(folder.path / results["rounds"][-1]["mask"])
    return Tried(folder, results, mask, steps_of(results, given, folder))


def steps_of(results: dict[str, Any], given: Settings, folder: Folder) -> int:
    """Training steps of all rounds: of those ended early until there, and of those then trained to their end both."""
    if given.finetune.steps is None:
        sys.exit("say finetune.steps, so that steps can be counted")
    early = [
        folder.read_json(f"rounds/{number}/result.json").get("stopped_at") for number in range(len(given.sparsities))
    ]
    return len(results["rounds"]) * given.finetune.steps + sum(each or 0 for each in early)


def only_stops(overrides: Sequence[str]) -> bool:
    """Whether the last override, which is all that a variant says, shortens rounds and changes nothing else."""
    return overrides[-1].startswith("pruning.stop_when_stable=") and overrides[-2].startswith("seed=")


def jaccard(left: Mask, right: Mask) -> float:
    """The overlap of two masks."""
    return (left & right).kept / (left | right).kept


def difference(found: Sequence[Tried], full: Sequence[Tried]) -> Interval:
    """Of the last rounds' scores, above 0 where the saving is better; the counts of all seeds added up.

    The examples are the same for every seed, so they are drawn for all seeds at once.
    """
    metric = metric_called(full[0].results["metric"])
    counts = [np.sum([each.counts for each in some], axis=0) for some in (found, full)]
    ours, theirs = counts if metric.higher_is_better else reversed(counts)
    return difference_interval(ours, theirs, metric.score, resamples=RESAMPLES)


def row(label: str, found: Sequence[Tried], full: Sequence[Tried], agreement: str, less: str) -> str:
    """A line of the table."""
    steps, all_steps = (sum(each.steps for each in some) for some in (found, full))
    tickets = [each.results["ticket"] for each in found]
    shown = ", ".join("none" if each is None else f"{each['sparsity']:.0%}" for each in tickets)
    score = statistics.fmean(each.last["score"] for each in found)
    cells = [label, f"{steps}", f"{1 - steps / all_steps:.0%}", agreement, f"{score:.2f}", less, shown]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(";"), sys.argv[3:])
