"""A mask written, read and counted, beside float masks by torch.save, and beside copying as many bytes."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pruning.controls import random_mask
from pruning.mask import Mask, ones_in
from pruning.mask_file import About, mask_bytes, mask_parts, read_mask
from subnets.workspace import Folder
from tests.benchmarks.harness import Setting, Unequal, timed_turns
from tests.benchmarks.lines import Line, at_most, at_most_theirs_times, line

ABOUT = About(base="base", base_fingerprint="0" * 64, task="ner", lang="de", seed=0)
COPY, SAVE = "copying the bytes", "torch.save, torch.load"
FASTEST = 2.0  # times what copying takes


def measure(setting: Setting) -> tuple[list[Line], list[str]]:
    """Files lie in the system's folder for temporary files, and are in its cache when they are read."""
    setting.on_cpu_only()
    mask = random_mask(setting.size.shapes, kept=setting.size.weights // 2, seed=0)
    with tempfile.TemporaryDirectory() as place:
        return _measured(setting, mask, Path(place))


def _measured(setting: Setting, mask: Mask, place: Path) -> tuple[list[Line], list[str]]:
    packed, floats = mask_bytes(mask, ABOUT), {name: torch.from_numpy(mask.bools(name)).float() for name in mask.names}
    ours, saved, copied = place / "mask.safetensors", place / "mask.pt", place / "copy"
    folder = Folder(place)
    ours.write_bytes(packed)
    torch.save(floats, saved)
    loaded = {name: matrix.bool() for name, matrix in _loaded(saved).items()}
    if not read_mask(ours)[0] == mask == Mask.from_bools(loaded):
        raise Unequal("what is read is not what was written")
    words = np.fromfile(ours, np.uint8)[-mask.packed.size :]
    if ones_in(words) != mask.kept or _sum(floats) != mask.kept:
        raise Unequal("the ways do not count the same")
    turns = setting.turns(15)
    fresh = iter([Mask(mask.shapes, mask.packed) for _ in range(3 * turns)])  # a mask keeps its counts once asked
    jobs = {
        "a mask written, read back and counted": (
            lambda: (_write(next(fresh), ours), read_mask(ours)[0].kept),
            lambda: (copied.write_bytes(packed), copied.read_bytes(), mask.packed.copy()),
            lambda: (torch.save(floats, saved), _sum(_loaded(saved))),
        ),
        "writing a mask, to the cache": (
            lambda: _write(next(fresh), ours),
            lambda: copied.write_bytes(packed),
            lambda: torch.save(floats, saved),
        ),
        "writing a mask, to the disk": (
            lambda: folder.write_parts(ours.name, mask_parts(next(fresh), ABOUT)),
            lambda: folder.write(copied.name, packed),
            lambda: _save_synchronised(floats, saved),
        ),
        "reading a mask, checked": (
            lambda: read_mask(ours),
            lambda: ours.read_bytes(),
            lambda: _loaded(saved),
        ),
        "counting a mask in memory": (lambda: _count(mask), lambda: mask.packed.copy(), lambda: _sum(floats)),
    }
    lines = [
        line("mask file", against=SAVE, unit="B", ours=[ours.stat().st_size], theirs=[saved.stat().st_size],
             mark=at_most(setting.size.weights / 8 + 2**16, "B"))
    ]  # fmt: skip
    for what, works in jobs.items():
        seconds = timed_turns(dict(zip(("ours", COPY, SAVE), works, strict=True)), turns)
        each = partial(line, what, unit="s", ours=seconds["ours"])
        lines.append(each(against=COPY, theirs=seconds[COPY], mark=at_most_theirs_times(FASTEST)))
        lines.append(each(against="sum of floats" if "counting" in what else SAVE, theirs=seconds[SAVE]))
    return lines, [
        "to the cache: written and closed, on all sides without fsync; to the disk: on all sides with fsync, for ours "
        "and the copy with a rename and fsync of the folder too (`Folder.write_parts`, as runs do); read from the "
        "cache",
        "ours counts the bits and computes their SHA-256 as it writes, and checks both as it reads; counts, and masks "
        "read from either form, are equal",
    ]


def _write(mask: Mask, path: Path) -> None:
    parts = mask_parts(mask, ABOUT)
    with path.open("wb") as file:
        for place, part in parts:
            file.seek(place)
            file.write(part)


def _count(mask: Mask) -> int:
    return sum(ones_in(mask.bits(name)) for name in mask.names)


def _sum(floats: dict[str, torch.Tensor]) -> int:
    return sum(int(matrix.sum()) for matrix in floats.values())


def _save_synchronised(floats: dict[str, torch.Tensor], path: Path) -> None:
    with path.open("wb") as file:
        torch.save(floats, file)
        file.flush()
        os.fsync(file.fileno())


def _loaded(path: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    return found
