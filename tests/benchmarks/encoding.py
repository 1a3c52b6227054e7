"""How long training examples take to be encoded, and to be read where another process has kept them.

Run from the repository: `python -m tests.benchmarks.encoding [ROUNDS]`; with SUBNETS_REAL=DIR also on the texts there.
Both ways are first checked to give equal examples; then they take turns, so that a busy machine slows them alike.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tabulate import tabulate

from finetune.base_model import load_base
from subnets.data import read_train
from subnets.settings import Settings
from tests.benchmarks.harness import timed_turns
from tests.composed import settings

ROUNDS = 5
REAL = ("xnli", "ner", "pos", "mlm")


def main(rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Checks, times in turn, prints and returns a row a data set: seconds are medians."""
    given = {"fragment, xnli": ["task=xnli", "data.train_examples=18000"]}
    if real := os.environ.get("SUBNETS_REAL"):
        given |= {f"real, {task}": [f"task={task}", "data=files", f"data.root={real}"] for task in REAL}
    rows = []
    for name, overrides in given.items():
        with tempfile.TemporaryDirectory() as scratch:
            rows.append({"examples of": name, **_timed(settings("lang=de", f"runs_dir={scratch}", *overrides), rounds)})
    print(tabulate(rows, headers="keys", floatfmt=".4g"))
    return rows


def _timed(kept: Settings, rounds: int) -> dict[str, Any]:
    base = load_base(kept.model, kept.task, seed=0, max_length=kept.finetune.max_length)
    bare = replace(kept, data=replace(kept.data, cache=None))
    made, _ = read_train(kept, base), read_train(bare, base)  # the second so that both are warm
    found = read_train(kept, base)
    assert found.token_ids.flags.owndata is False
    assert found.fingerprint == made.fingerprint
    sides = {"encode": partial(read_train, bare, base), "read": partial(read_train, kept, base)}
    seconds = timed_turns(sides, rounds)
    ratios = [encode / read for encode, read in zip(seconds["encode"], seconds["read"], strict=True)]
    (file,) = Path(kept.data.cache or "").glob("*/*.safetensors")
    return {
        "examples": len(made), "sub-words": len(made.token_ids), "MB": file.stat().st_size / 1e6,
        "encode s": statistics.median(seconds["encode"]), "read s": statistics.median(seconds["read"]),
        "ratio": statistics.median(ratios),
    }  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
