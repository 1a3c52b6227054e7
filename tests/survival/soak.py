"""Hundreds of small runs in one process: memory and open files stay what they were, and all is counted at the end."""

from __future__ import annotations

import csv
import json
import math
import re
import statistics
import time
from collections import defaultdict
from pathlib import Path

from tests.survival.commands import Machine, run
from tests.survival.world import litter_in
from tests.tiny import write_bert, write_files

LANGS, TASKS = ("de", "sw"), ("ner", "pos", "xnli")
WARM = 0.2  # share of the runs after which a process has all that it keeps
GROWTH = 0.02  # of the memory after that, at most
ENOUGH = 100  # runs from which growth can be told from an allocator that settles
FIXED = [
    "data=files", "model=checkpoint", "device=cpu", "threads=1", "finetune.steps=2", "finetune.batch_size=4",
    "finetune.max_length=32", "pruning.sparsities=[0.5]", "ticket.rule=bootstrap", "controls=[]",
]  # fmt: skip
QUICK = ["compare.topology=false", "compare.parts=[whole]", "compare.resamples=100", "compare.permutations=99"]


def soak(place: Path, times: int, *, seed: int) -> str:
    """Makes so many runs in one sweep, six of each seed from `seed` on; gives a text of what came of it."""
    began = time.perf_counter()
    seeds = range(seed, seed + max(1, times // (len(LANGS) * len(TASKS))))
    place.mkdir(parents=True)
    base, files, runs = write_bert(place / "bert"), write_files(place / "files", train=16, rest=8), place / "runs"
    given = [f"data.root={files}", f"model.name={base}", f"runs_dir={runs}", *FIXED]
    swept = [f"lang={','.join(LANGS)}", f"task={','.join(TASKS)}", f"seed={','.join(map(str, seeds))}"]
    watched = place / "watched"
    ended = run(place / "said-sweep", ["-m", *swept, *given], machine=Machine(watched=watched), within=7200)
    wrong = [] if ended.code == 0 else [f"sweep: exit code {ended.code}: {ended.errors[-500:]!r}"]
    looks = [tuple(map(int, line.split())) for line in watched.read_text().splitlines()]
    cells = len(LANGS) * len(TASKS) * len(seeds)
    if len(looks) != cells:
        wrong.append(f"{len(looks)} runs instead of {cells}")
    memory, opened, threads = ([look[at] for look in looks[int(WARM * len(looks)) :]] for at in range(3))
    grown = statistics.fmean(memory[-len(memory) // 4 :]) / statistics.fmean(memory[: max(1, len(memory) // 4)]) - 1
    if grown > GROWTH and len(looks) >= ENOUGH:
        wrong.append(f"memory grew by {grown:.1%}")
    if max(opened) > min(opened):
        wrong.append(f"open files between {min(opened)} and {max(opened)}")
    swept_at = time.perf_counter() - began
    wrong += [f"left behind: {each}" for each in litter_in(runs)]
    wrong += [*_status(place, runs, cells), *_compare(place, runs, given, len(seeds)), *_report(place, runs, given)]
    return "\n".join(
        [
            f"{len(looks)} runs in one process in {swept_at:.0f} s, with what is shown of them "
            f"{time.perf_counter() - began:.0f} s; {len(wrong)} wrong",
            f"  memory after the first fifth of them {memory[0] >> 20} MiB, at the end {memory[-1] >> 20} MiB, at most "
            f"{max(memory) >> 20} MiB; mean of the last quarter against that of the first: {grown:+.2%}",
            f"  open files: {min(opened)} to {max(opened)}; threads: {min(threads)} to {max(threads)}",
            *(f"  WRONG {each}" for each in wrong),
        ]
    )


def _status(place: Path, runs: Path, cells: int) -> list[str]:
    ended = run(place / "said-status", ["step=status", f"runs_dir={runs}"])
    total = re.search(r"^all .*? (\d+)\s*$", ended.output, re.MULTILINE)
    return [] if total and int(total[1]) == cells else [f"status: {ended.output[-500:]!r} {ended.errors!r}"]


def _compare(place: Path, runs: Path, given: list[str], seeds: int) -> list[str]:
    """Every pair of runs of the two languages with other seeds is counted once."""
    ended = run(place / "said-compare", ["step=compare", "task=ner", *given, *QUICK])
    expected = f"compare: {len(LANGS) * seeds} runs of task=ner"
    if ended.code != 0 or expected not in ended.output:
        return [f"compare: exit code {ended.code}: {ended.output[-300:]!r} {ended.errors[-500:]!r}"]
    return []


def _report(place: Path, runs: Path, given: list[str]) -> list[str]:
    """The table of outcomes has the means of what is in the runs' folders."""
    ended = run(place / "said-report", ["step=report", *given, *QUICK])
    if ended.code != 0:
        return [f"report: exit code {ended.code}: {ended.errors[-500:]!r}"]
    scores = defaultdict(list)
    for path in runs.glob("*/*/*/seed*/results.json"):
        task, lang = path.parts[-4:-2]
        scores[task, lang].append(json.loads(path.read_text())["dense"]["score"])
    with (runs / "report/tables/outcomes.csv").open() as file:
        shown = {(row["task"], row["lang"]): float(row["dense"]) for row in csv.DictReader(file)}
    expected = {cell: statistics.fmean(each) for cell, each in scores.items()}
    wrong = [cell for cell in expected if not math.isclose(shown.get(cell, math.nan), expected[cell])]
    return [f"report: {cell}: {shown.get(cell)} instead of {expected[cell]}" for cell in wrong]
