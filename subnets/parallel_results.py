"""Finished retrievals and similarities: where they are kept, and read as data, nothing of which is trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from annotated_types import Ge, Le, MinLen
from pydantic import StringConstraints

from finetune.parallel import parallel_sentences
from subnets import transfers
from subnets.catalogue import RESULTS, Finite, check_plain_names, results_in, settings_in
from subnets.errors import InputError
from subnets.expression import quoted
from subnets.settings import Settings
from subnets.source_masks import SourceMask, source_mask
from subnets.transfers import Expression
from subnets.workspace import Folder, check_kept, parallel_folder

RETRIEVE, CORRELATE = "retrieve", "correlate"

SUBNETWORKS = ("dense", "masked", "oneshot", "random")
Subnetwork = Literal["dense", "masked", "oneshot", "random"]
Percent = Annotated[float, Ge(0), Le(100)]
Natural = Annotated[int, Ge(1)]
Layer = Annotated[int, Ge(0)]
Share = Annotated[float, Ge(0), Le(1)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class RetrievalRow:
    """How well one layer of one sub-network finds translations among `top`.

    Attributes:
        layer: 0 is the embeddings.
        from_lang, from_pivot: accuracy of either direction in 0 to 100, `accuracy` their mean with its interval.
        chance: what vectors that say nothing find.
        beyond_dense: accuracy less that of the dense base on the same sentences, with the interval of the difference.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    layer: Layer
    subnetwork: Subnetwork
    sparsity: Share
    top: Natural
    from_lang: Percent
    from_pivot: Percent
    accuracy: Percent
    low: Percent | None
    high: Percent | None
    chance: Percent
    beyond_dense: Finite
    beyond_dense_low: Finite | None
    beyond_dense_high: Finite | None


@dataclass(frozen=True)
class SimilarityRow:
    """How alike one layer of one sub-network represents the sentences of two languages, by one measure.

    Attributes:
        value: None where the vectors are all the same, as the embedding of a first token is.
        chance, chance_sd: mean and standard deviation where sentences are paired at random.
        corrected: (value - chance) / (1 - chance); None where chance is 1.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    layer: Layer
    subnetwork: Subnetwork
    sparsity: Share
    measure: Literal["svcca", "pwcca", "cka", "debiased_cka"]
    value: Finite | None
    chance: Finite | None
    chance_sd: Finite | None
    corrected: Finite | None


Row = TypeVar("Row", RetrievalRow, SimilarityRow)


@dataclass(frozen=True)
class Compared(Generic[Row]):
    """What `results.json` of a step over parallel sentences holds.

    Attributes:
        mask: the expression asked for; `mask_digest` of its bits; `mask_task` and `mask_lang` of the masks it names,
            several joined by +, and their `mask_seeds`.
        sentences: how many pairs; `cut` distinct texts of either language did not fit into the model.
        seed: of the random mask, and of what is drawn for chance levels and intervals.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    model: Expression
    task: Expression
    lang: Expression
    pivot: Expression
    mask: Expression
    mask_digest: Digest
    mask_task: Expression
    mask_lang: Expression
    mask_seeds: tuple[Annotated[int, Ge(0)], ...]
    masks: Annotated[tuple[transfers.SourceMask, ...], MinLen(1)]
    sparsity: Share
    seed: Annotated[int, Ge(0)]
    sentences: Natural
    cut: Annotated[int, Ge(0)]
    sentences_fingerprint: Digest
    rows: Annotated[tuple[Row, ...], MinLen(1)]
    seconds: Finite


@dataclass(frozen=True)
class Finished(Generic[Row]):
    """A finished comparison of parallel sentences and where it is kept."""

    folder: Folder
    results: Compared[Row]

    @property
    def model(self) -> str:
        """The label of the base."""
        return self.results.model

    @property
    def task(self) -> str:
        """Of the runs whose settings it was asked with."""
        return self.results.task

    @property
    def lang(self) -> str:
        """The language that is held against the pivot."""
        return self.results.lang

    @property
    def name(self) -> str:
        """How it is called beside others of its model: task/step/lang-pivot/mask-1a2b3c4d."""
        return "/".join(self.folder.path.parts[-4:])

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """What can change a number, as `settings.yaml` holds it. Raises InputError where that is damaged."""
        return settings_in(self.folder)


def found_or_made(
    settings: Settings,
    step: str,
    *,
    kind: type[Compared[Row]],
    make: Callable[[SourceMask, Folder], None],
    say: Callable[[str], None],
) -> Finished[Row]:
    """What a step over parallel sentences finds of the source's mask, or where none is named, of lang's ticket.

    Args:
        settings: of the step.
        step: its name.
        kind: what its results are.
        make: fills the folder with what the step finds of the mask; called where that is not there yet.
        say: told which masks are meant.

    Raises:
        InputError: lang is the pivot; a mask that is not there; results that are damaged, or of what the source meant
            before.
    """
    lang = settings.lang
    if lang == settings.parallel.pivot:
        raise InputError(f"lang={lang}: is the pivot (parallel.pivot); name the language to hold against it")
    source = source_mask(settings.source.mask or quoted(lang), settings)
    for each in source.named:
        say(f"mask {each.name}: {each.origin}")
    folder = parallel_folder(settings, step)
    check_kept(folder, settings.parallel_identity(step))
    if folder.has(RESULTS):
        say("this is done; nothing was computed")
    else:
        make(source, folder)
    found = _read(folder, kind)
    _check_sentences(found, settings)
    if found.results.mask_digest != source.mask.digest:
        before = ", ".join(each.origin for each in found.results.masks)
        raise InputError(
            f"{folder.path / RESULTS}: {source.text} meant {before} and now means another mask; name one of them, as "
            "en/seed0, or delete the file to compute it again"
        )
    return found


def _check_sentences(found: Finished[Row], settings: Settings) -> None:
    """Makes sure that results are of the sentences as they now are; those of the hub are of a commit, and stay."""
    if settings.data.source == "hub":
        return
    langs = (settings.lang, settings.parallel.pivot)
    now = parallel_sentences(settings.data, langs, hub=settings.parallel.hub, limit=settings.parallel.sentences)
    if found.results.sentences_fingerprint != now.fingerprint:
        raise InputError(
            f"{found.folder.path / RESULTS}: the parallel sentences of {' and '.join(langs)} have changed since; "
            "delete it to compute it again"
        )


def finished_retrievals(
    runs_dir: str, *, model: str | None = None, task: str | None = None
) -> list[Finished[RetrievalRow]]:
    """The finished retrievals of one model and task or of all, sorted by their folders.

    Raises:
        InputError: a file is not that of a retrieval; which, and what is wrong.
    """
    return _finished(runs_dir, RETRIEVE, Compared[RetrievalRow], model=model, task=task)


def finished_similarities(
    runs_dir: str, *, model: str | None = None, task: str | None = None
) -> list[Finished[SimilarityRow]]:
    """The finished similarities, as `finished_retrievals`."""
    return _finished(runs_dir, CORRELATE, Compared[SimilarityRow], model=model, task=task)


def best_layer(rows: Sequence[RetrievalRow], subnetwork: str, top: int) -> RetrievalRow:
    """The row of the layer where a sub-network finds most, the lowest of equals."""
    return max(
        (row for row in rows if (row.subnetwork, row.top) == (subnetwork, top)),
        key=lambda row: (row.accuracy, -row.layer),
    )


def _finished(
    runs_dir: str, step: str, kind: type[Compared[Row]], *, model: str | None, task: str | None
) -> list[Finished[Row]]:
    root = Path(runs_dir).expanduser()
    places = sorted(root.glob(f"{model or '*'}/{task or '*'}/{step}/*/*/{RESULTS}"))
    return [_read(Folder(place.parent), kind) for place in places]


def _read(folder: Folder, kind: type[Compared[Row]]) -> Finished[Row]:
    """The results in a folder, checked in every field and against the names in its path."""
    model, task, _, pair, _ = folder.path.parts[-5:]
    check_plain_names(folder.path, model, task, pair)
    results = results_in(folder, kind)
    found = (results.model, results.task, f"{results.lang}-{results.pivot}")
    if found != (model, task, pair):
        raise InputError(f"{folder.path / RESULTS}: of model, task and languages {found}; expected those of its folder")
    return Finished(folder, results)
