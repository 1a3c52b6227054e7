"""The finished transfers of a folder, read as data: nothing in a transfer's folder is trusted or executed."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MinLen
from pydantic import AfterValidator, StringConstraints

from finetune.outcomes import metric_called
from subnets.catalogue import (
    RESULTS,
    SAME_LEVEL,
    Entry,
    Finite,
    check_plain_names,
    differing_settings,
    results_in,
    settings_in,
    signature,
)
from subnets.errors import InputError
from subnets.settings import is_plain_name
from subnets.workspace import Folder

Mode = Literal["trained", "zero_shot", "frozen"]
WHOSE_MASK = ("source.mask", "source.task", "source.seed")  # settings that say whose mask is tried
UP_TO_MODEL = 4  # folders from a transfer's own, model/task/lang/transfer/seed0-1a2b3c4d, up to the model's


def _plain(name: str) -> str:
    if not is_plain_name(name):
        raise ValueError("expected a plain name: letters, digits and . _ + -")
    return name


def _metric(name: str) -> str:
    try:
        metric_called(name)
    except InputError as problem:
        raise ValueError(str(problem)) from None
    return name


# An expression of masks: one line, without the signs that begin and end an element of a page.
Expression = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^<>\x00-\x1f\x7f-\x9f]+$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Baseline = Annotated[str, StringConstraints(pattern=r"^(own|dense|random|oneshot|partial_random@\d(\.\d{1,9})?)$")]


@dataclass(frozen=True)
class TriedEntry(Entry):
    """A mask that a transfer tried and how it did; transfers made before its digest was kept have None."""

    digest: Digest | None = None


@dataclass(frozen=True)
class SourceMask:
    """One of the masks that a source names: how, of which run and round, and its digest."""

    name: Expression
    origin: Expression
    digest: Digest


@dataclass(frozen=True)
class AgainstOwn:
    """The cell less the target's own mask over resampled validation examples; above 0 the cell is better.

    `p_worse` is small where the cell is surely worse.
    """

    difference: Finite
    low: Finite
    high: Finite
    p_worse: Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True)
class TransferResults:
    """What `results.json` of a transfer holds."""

    metric: Annotated[str, AfterValidator(_metric)]
    mode: Mode
    source: Expression
    source_task: Annotated[str, AfterValidator(_plain)]
    source_seeds: tuple[Annotated[int, Ge(0)], ...]
    sparsity: Annotated[float, Ge(0), Le(1)]
    masks: Annotated[tuple[SourceMask, ...], MinLen(1)]
    cell: TriedEntry
    baselines: dict[Baseline, TriedEntry]
    against_own: AgainstOwn | None
    seconds: Finite
    source_lang: Expression | None = None
    asked: tuple[str, ...] = ()

    @property
    def source_langs(self) -> tuple[str, ...]:
        """The languages whose masks the source is made of; by the names of its masks where they were not kept."""
        joined = self.source_lang or "+".join(without_places(each.name) for each in self.masks)
        return tuple(dict.fromkeys(joined.split("+")))


@dataclass(frozen=True)
class FinishedTransfer:
    """One finished transfer: a mask tried on a target language and task with one seed.

    Attributes:
        folder: where it is kept.
        model, task, lang: of the target, as in its folder's path.
        seed: of the training.
        settings: what can change a number, as `settings.yaml` holds it.
        results: what came out.
    """

    folder: Folder
    model: str
    task: str
    lang: str
    seed: int
    settings: Mapping[str, Any]
    results: TransferResults

    @property
    def name(self) -> str:
        """How it is called beside others of its model: task/lang/transfer/seed0-1a2b3c4d."""
        return "/".join(self.folder.path.parts[-4:])

    @property
    def source(self) -> str:
        """The source's expression without tasks, seeds and sparsities, which stand apart: so seeds can be averaged."""
        return without_places(self.results.source)

    @property
    def cell(self) -> tuple[str, str, str, Mode, str, str, float]:
        """What cells of other seeds share: model, task, language, mode, source, its task, and sparsity."""
        found = self.results
        sparsity = round(found.sparsity, SAME_LEVEL)
        return (self.model, self.task, self.lang, found.mode, self.source, found.source_task, sparsity)

    @property
    def matrix(self) -> tuple[str, str, Mode, float]:
        """What cells that stand in one matrix share: model, task, mode and sparsity."""
        return (self.model, self.task, self.results.mode, round(self.results.sparsity, SAME_LEVEL))


def without_places(expression: str) -> str:
    """An expression of masks with its names shortened to languages.

    >>> without_places("core(ner/en/seed1@0.5, 'zh-yue') - de/seed0-1a2b3c4d")
    "core(en, 'zh-yue') - de"
    >>> without_places('"zh-yue"')
    'zh-yue'
    """
    shorter = re.sub(r"/seed\d+(-[0-9a-f]{8})?|@\d+(\.\d*)?", "", expression)
    shorter = re.sub(r"[^\W_][\w.+-]*/", "", shorter)
    alone = re.fullmatch(r"(['\"])([^'\"]*)\1", shorter)
    return alone[2] if alone else shorter


def finished_transfers(runs_dir: str, *, model: str | None = None, task: str | None = None) -> list[FinishedTransfer]:
    """The transfers that are done, of one model and target task or of all, sorted by what they are and by seed.

    Raises:
        InputError: a transfer's files are not those of one; which, and what is wrong.
    """
    root = Path(runs_dir).expanduser()
    found = [_transfer(path.parent) for path in root.glob(f"{model or '*'}/{task or '*'}/*/transfer/seed*/{RESULTS}")]
    return sorted(found, key=lambda each: (*each.cell, each.seed, each.name))


def one_of_each_transfer(transfers: Sequence[FinishedTransfer]) -> tuple[list[FinishedTransfer], list[str]]:
    """Transfers of the same settings in every matrix, and of these one of a cell, seed and seeds of the source.

    A matrix is of a model, target task, mode and sparsity. Of several settings those are taken which most of its
    transfers have, and where as many have others, the last in order; a seed that others alone have is left out.

    Returns:
        The transfers in their order, and what was left out, in words.
    """
    chosen: set[Path] = set()
    left_out = []
    for found in _grouped(transfers, lambda each: each.matrix):
        told = Counter(map(_made_by, found))
        most = max(told, key=lambda settings: (told[settings], settings))
        alike = [each for each in found if _made_by(each) == most]
        if len(told) > 1:
            left_out.append(_of_other_settings(found, alike))
        for group in _grouped(alike, lambda each: (each.cell, each.seed, each.results.source_seeds)):
            shown = min(group, key=lambda each: (each.results.source, each.name))
            chosen.add(shown.folder.path)
            if len(group) > 1:
                left_out.append(
                    f"{len(group)} transfers of {shown.source} to {shown.task} {shown.lang} seed {shown.seed}, which "
                    f"differ in {', '.join(differing_settings(group)) or 'nothing'}: shown is {shown.name}"
                )
    return [each for each in transfers if each.folder.path in chosen], left_out


def _grouped(
    transfers: Sequence[FinishedTransfer], key: Callable[[FinishedTransfer], Any]
) -> Iterable[list[FinishedTransfer]]:
    groups: dict[Any, list[FinishedTransfer]] = {}
    for each in transfers:
        groups.setdefault(key(each), []).append(each)
    return groups.values()


def _made_by(transfer: FinishedTransfer) -> str:
    """The settings that the transfers of a matrix share: all but for whose mask is tried."""
    return signature(transfer, but_for=WHOSE_MASK)


def _of_other_settings(found: Sequence[FinishedTransfer], shown: Sequence[FinishedTransfer]) -> str:
    first, names = shown[0], {each.name for each in shown}
    differing = ", ".join(name for name in differing_settings(found) if name not in WHOSE_MASK)
    others = [f"{each.source} to {each.lang} seed {each.seed}" for each in found if each.name not in names]
    return (
        f"{len(others)} of {len(found)} transfers to {first.task} (mode {first.results.mode}, sparsity "
        f"{first.results.sparsity:.1%}), which differ from those shown in {differing}: left out are "
        f"{', '.join(others)}; shown are those with the settings of {first.name}"
    )


def _transfer(path: Path) -> FinishedTransfer:
    folder = Folder(path)
    model, task, lang, _, _ = path.parts[-5:]
    check_plain_names(path, model, task, lang)
    settings, results = settings_in(folder), results_in(folder, TransferResults)
    for entry in (results.cell, *results.baselines.values()):
        place = PurePath(os.path.normpath(entry.mask))
        if place.is_absolute() or place.parts.count("..") > UP_TO_MODEL:
            raise InputError(f"{path / RESULTS}: mask {entry.mask!r} lies outside of the model's runs")
    return FinishedTransfer(folder, model, task, lang, settings["seed"], settings, results)
