"""What of ours reads files that others may have touched: a sound file of each kind, and what is done with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from finetune.examples import Encoded
from finetune.outcomes import Outcomes
from pruning.ancestry import Ancestry, Parent
from pruning.errors import InputError
from pruning.exchange import floats_of, mask_of_tensors, prune_state, read_tensors
from pruning.mask import Mask
from pruning.mask_file import About, mask_bytes, read_mask
from subnets.archive import RESULT, Origin, Scored, load_scored, load_weights, save_scored, save_weights
from subnets.catalogue import finished_runs, one_of_each
from subnets.examples_file import examples_pieces, read_examples
from subnets.report import summary, wording
from subnets.report.trajectories import trajectories
from subnets.tables import csv_bytes, latex, trajectory_table, verdict
from subnets.workspace import Folder
from tests.finished import written
from tests.survival.mutations import damaged, reworded, rewritten

Mutator = Callable[[bytes, Random], bytes]
SHAPES = {
    f"encoder.layer.{layer}.{name}.weight": shape
    for layer in (0, 1, 10)
    for name, shape in {"attention.self.query": (6, 6), "attention.self.key": (6, 6), "output.dense": (6, 10)}.items()
}
ORIGIN = Origin("b" * 64, "d" * 64, "s" * 64)


@dataclass(frozen=True)
class Reader:
    """A file and what reads it.

    Attributes:
        name: of the file, as it lies in the folder that `make` fills.
        make: fills an empty folder with a sound file, and with what lies beside it.
        read: reads the folder; gives what was read, for comparison.
        mutators: how such a file is changed.
        guarded: whether a checksum stands for all that the file says: what is accepted must be what was written.
    """

    name: str
    make: Callable[[Path], object]
    read: Callable[[Path], Any]
    mutators: Sequence[Mutator]
    guarded: bool


def a_mask(seed: int = 0) -> Mask:
    """A small mask with matrices of one shape and matrices of sizes that fill no byte."""
    draw = np.random.default_rng(seed)
    return Mask.from_bools({name: draw.random(shape) < 0.5 for name, shape in SHAPES.items()})


def mask_contents() -> list[bytes]:
    """Mask files with and without ancestry and fields of others."""
    ancestry = Ancestry("de & fr", tuple(Parent(name, name[:1] * 64, f"pos/{name}/seed0") for name in ("de", "fr")))
    abouts = (
        About("mini", "0f" * 32, "ner", "sw", 3),
        About("mini", "0f" * 32, "ner", "de+fr", 3, extra={"control": "random"}, ancestry=ancestry),
    )
    return [mask_bytes(a_mask(), about) for about in abouts]


def _make_mask(folder: Path) -> None:
    (folder / "mask.safetensors").write_bytes(mask_contents()[1])


def _read_mask(folder: Path) -> tuple[Mask, About]:
    return read_mask(folder / "mask.safetensors")


def _make_run(folder: Path) -> None:
    place = written(folder / "runs", "de", 0)
    settings = json.loads((place / "settings.yaml").read_text())
    results = json.loads((place / "results.json").read_text())
    sections = {
        "run_format": 1, "model": {"name": "nowhere/at-all", "label": None, "revision": None},
        "pruning": {"scope": "global", "score": "magnitude", "also": [], "rewind": 0, "rounds": 2},
        "finetune": {"steps": 5, "batch_size": 8, "learning_rate": 1e-3}, "ticket": {"rule": "bootstrap"},
    }  # fmt: skip
    (place / "settings.yaml").write_text(json.dumps(settings | sections))
    results["controls"] = {"random": results["rounds"][1] | {"mask": "controls/random/mask.safetensors"}}
    (place / "results.json").write_text(json.dumps(results))
    (place / "provenance.json").write_text(json.dumps({
        "software": {"commit": "0" * 40, "versions": {"torch": "2"}},
        "machine": {"device": "cpu", "threads": 1, "precision": "fp32"},
        "base": {"name": "x", "fingerprint": "b" * 64}, "data": {"source": "files", "fingerprint": "d" * 64},
    }))  # fmt: skip
    for name in ("settings.yaml", "results.json", "provenance.json"):
        (folder / name).symlink_to(place / name)


def _read_run(folder: Path) -> Any:
    """All that a report says of a run by itself."""
    runs, left_out = one_of_each(finished_runs(str(folder / "runs")))
    over_seeds = trajectories(runs, confidence=0.95, resamples=100)
    said = [
        *wording.warnings_of(runs, over_seeds, [], everything=runs),
        *wording.methods_of(runs, over_seeds, confidence=0.95),
        wording.shared_settings(runs), *left_out,
    ]  # fmt: skip
    rows = [*summary.outcome_rows(over_seeds), *summary.shown_outcomes(over_seeds), *wording.provenance_of(runs)]
    table = [csv_bytes([row]) for row in rows] + [latex([row]) for row in rows]
    plain = asdict(runs[0].results)
    return said, table, trajectory_table(plain), verdict(plain)


def _make_scored(folder: Path) -> None:
    counts = np.random.default_rng(0).integers(0, 9, (16, 2)).astype(np.float64)
    counts[:, 1] += counts[:, 0]
    scored = Scored(Outcomes("accuracy", counts), Outcomes("accuracy", counts[::-1].copy()), 1.0)
    save_scored(Folder(folder), scored, mask=a_mask(), origin=ORIGIN)


def _read_scored(folder: Path) -> Any:
    found = load_scored(Folder(folder), mask=a_mask(), origin=ORIGIN)
    if found is None or found.test is None:
        return None
    return found.validation.counts.tolist(), found.test.counts.tolist()


def _weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}


def _make_weights(folder: Path) -> None:
    save_weights(Folder(folder), "head.safetensors", _weights())


def _read_weights(folder: Path) -> Any:
    return {name: weight.tolist() for name, weight in load_weights(Folder(folder), "head.safetensors").items()}


RECIPE = {"kind": "token", "labels": ["O", "B-PER"], "segments": True, "max_length": 16, "limit": None}


def _make_examples(folder: Path) -> None:
    draw = np.random.default_rng(0)
    starts, seen = np.arange(0, 161, 16), np.ones(80, np.bool_)
    gold = draw.integers(0, 2, 80)
    labels = np.stack([gold, np.full(80, -100)], axis=1).reshape(-1)
    token_ids, segment_ids = draw.integers(0, 99, 160, dtype=np.int32), np.zeros(160, np.int8)
    encoded = Encoded("token", token_ids, segment_ids, starts, labels, gold, starts // 2, seen, 0)
    (folder / "examples.safetensors").write_bytes(b"".join(examples_pieces(encoded, RECIPE)))


def _read_examples(folder: Path) -> Any:
    found = read_examples(folder / "examples.safetensors", RECIPE, vocabulary=99)
    return [value.tolist() if isinstance(value, np.ndarray) else value for value in vars(found).values()]


def _make_floats(folder: Path) -> None:
    torch.save(floats_of(a_mask()), folder / "mask.pt")


def _make_prune(folder: Path) -> None:
    torch.save(prune_state(a_mask(), _weights()), folder / "prune.pt")


def _exchanged(name: str) -> Callable[[Path], Any]:
    def read(folder: Path) -> Mask:
        tensors = read_tensors(folder / name)
        try:
            return mask_of_tensors(tensors, SHAPES)
        except InputError as problem:  # the tensors do not know their file: `delivery_from` names it so
            raise InputError(f"{folder / name}: {problem}") from None

    return read


READERS: dict[str, Reader] = {
    each.name: each
    for each in (
        Reader("mask.safetensors", _make_mask, _read_mask, (damaged, rewritten), True),
        Reader("settings.yaml", _make_run, _read_run, (damaged, reworded), False),
        Reader("results.json", _make_run, _read_run, (damaged, reworded), False),
        Reader("provenance.json", _make_run, _read_run, (damaged, reworded), False),
        Reader(RESULT, _make_scored, _read_scored, (damaged, reworded), False),
        Reader("outcomes.safetensors", _make_scored, _read_scored, (damaged, rewritten), True),
        Reader("head.safetensors", _make_weights, _read_weights, (damaged,), True),
        Reader("examples.safetensors", _make_examples, _read_examples, (damaged, rewritten), True),
        Reader("mask.pt", _make_floats, _exchanged("mask.pt"), (damaged,), False),
        Reader("prune.pt", _make_prune, _exchanged("prune.pt"), (damaged,), False),
    )
}  # fmt: skip
