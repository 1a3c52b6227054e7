"""All that is promised of speed and memory, measured in one run: `python -m tests.benchmarks`, from the repository.

The table is Markdown, as docs/benchmarks.md holds it; the exit code is 1 where a row failed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.harness import Setting, Skipped, in_child
from tests.benchmarks.lines import Measured, as_json, markdown
from tests.benchmarks.machine import described
from tests.benchmarks.rows import ROWS, measured
from tests.benchmarks.sizes import SIZES


def main(words: Sequence[str]) -> int:
    """Measures what is asked for, and prints and writes it; how many rows failed."""
    asked = _parsed(words)
    size = SIZES[asked.size]
    setting = Setting(
        size=replace(size, ticket_steps=asked.ticket_steps or size.ticket_steps),
        repeats=asked.repeats,
        device=asked.device,
        checkpoint=asked.checkpoint,
        data=os.environ.get("SUBNETS_REAL"),
    )
    try:
        machine = in_child(described, asked.device) | {"size": asked.size}
    except Skipped as problem:
        sys.exit(f"--device={asked.device}: {problem}")
    rows: list[Measured] = []
    for name in asked.only:
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        rows.append(measured(name, setting))
        print(f"{rows[-1].seconds:.0f} s", file=sys.stderr, flush=True)
        _write(asked.json, json.dumps(as_json(machine, rows), indent=1) + "\n")  # so far, in case the rest is stopped
    text = markdown(machine, rows)
    _write(asked.markdown, text)
    print(text)
    return sum(row.failed is not None for row in rows)


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", type=_rows, default=ROWS, metavar="NAME,NAME", help=f"of: {', '.join(ROWS)}")
    parser.add_argument("--repeats", type=_natural, help="how often the sides take turns; default: each row's own")
    parser.add_argument("--size", choices=SIZES, default="mbert", help="tiny only shows that the command works")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--checkpoint", metavar="FOLDER", default=os.environ.get("SUBNETS_CHECKPOINT"),
                        help="a real encoder for the row `ticket`, which reads its texts in $SUBNETS_REAL; "
                        "default: $SUBNETS_CHECKPOINT")  # fmt: skip
    parser.add_argument("--ticket-steps", type=_natural, metavar="N",
                        help="updates of each training in the row `ticket`; default: the size's own")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="PATH", help="writes every turn's values")
    parser.add_argument("--markdown", type=Path, metavar="PATH", help="writes what is printed")
    return parser.parse_args(words)


def _rows(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no row is called {unknown[0]!r}; choose of: {', '.join(ROWS)}")
    return names


def _natural(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}; expected a whole number from 1")
    return int(text)


def _write(path: Path | None, text: str) -> None:
    if path is not None:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
