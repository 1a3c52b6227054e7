"""A small embedded world: the runs that are disturbed, what undisturbed ones leave, and whether two left the same."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.survival.commands import Span, run

SMALL = [
    "task=ner", "finetune.steps=4", "finetune.batch_size=4", "data.train_examples=12", "data.validation_examples=12",
    "data.test_examples=12", "controls=[random]", "device=cpu", "threads=1", "transfer.resamples=100",
]  # fmt: skip
RULES = {
    "plain": ["ticket.rule=bootstrap", "pruning.sparsities=[0.3,0.5]", "transfer.baselines=[own,dense,random,oneshot]"],
    "rewound": [
        "ticket.rule=one_std", "ticket.dense_seeds=2", "pruning.sparsities=[0.3]", "pruning.rewind=2",
        "pruning.rewind_head=false", "transfer.baselines=[own,random]",
    ],
}  # fmt: skip
SOURCE, TARGET = ["lang=en"], ["lang=de"]
TRANSFER = ["step=transfer", "lang=de", "source=en", "source.sparsity=0.3"]
DISTURBED = {"find": TARGET, "transfer": TRANSFER}
PASSING = {".lock", ".unfinished"}  # what a process at work has, and one that died leaves until the next


@dataclass(frozen=True)
class Undisturbed:
    """What commands leave that nothing disturbs.

    Attributes:
        source: a runs folder in which the source's run is done and nothing else.
        files: what the runs folder holds after all commands.
        spans: what each command took.
    """

    rule: str
    source: Path
    files: dict[str, str]
    spans: dict[str, Span]

    def begun(self, runs: Path) -> Path:
        """Makes a runs folder that has the source's run."""
        shutil.copytree(self.source, runs)
        return runs

    def commands(self, runs: Path, *more: str) -> dict[str, list[str]]:
        """The commands to be disturbed, in order, in a runs folder."""
        return {name: given(runs, self.rule, command, *more) for name, command in DISTURBED.items()}


def given(runs: Path, rule: str, command: list[str], *more: str) -> list[str]:
    """The words of a command in a runs folder."""
    return [*command, *SMALL, *RULES[rule], f"runs_dir={runs}", *more]


def undisturbed(place: Path, rule: str = "plain") -> Undisturbed:
    """Runs the commands without disturbing them."""
    runs = place / "undisturbed"
    spans = {"source": _span(place / "said-source", given(runs, rule, SOURCE))}
    source = place / "source"
    shutil.copytree(runs, source)
    for name, command in DISTURBED.items():
        spans[name] = _span(place / f"said-{name}", given(runs, rule, command))
    return Undisturbed(rule, source, files_of(runs), spans)


def _span(said: Path, command: list[str]) -> Span:
    ended = run(said, command)
    if ended.code != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {ended.code}: {ended.errors}")
    return ended.span


def files_of(runs: Path) -> dict[str, str]:
    """The digest of every finished file by its path; of JSON without the seconds it took, which always differ."""
    return {
        str(path.relative_to(runs)): _digest(path)
        for path in sorted(runs.rglob("*"))
        if path.is_file() and path.suffix not in PASSING and path.name not in PASSING
    }


def litter_in(runs: Path) -> list[Path]:
    """What is neither a finished file nor a lock."""
    return [path for path in runs.rglob("*.unfinished") if path.is_file()]


def torn(runs: Path, sound: dict[str, str]) -> list[str]:
    """Files that are not what they are where nothing was disturbed; states of trainings that last are none of these."""
    found = files_of(runs)
    return [name for name, digest in found.items() if "snapshot" not in name and sound.get(name) != digest]


def _digest(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".json":
        content = json.dumps(_timeless(json.loads(content)), sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(each) for name, each in value.items() if name != "seconds"}
    return [_timeless(each) for each in value] if isinstance(value, list) else value
