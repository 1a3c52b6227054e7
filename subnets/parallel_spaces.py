"""Parallel sentences as sub-networks of a base see them: the mask asked for, beside what it is held against."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from finetune.parallel import Parallel, parallel_sentences
from pruning.controls import random_mask
from pruning.mask import Mask
from subnets import provenance
from subnets.catalogue import PROVENANCE, RESULTS
from subnets.devices import accelerator_of
from subnets.errors import InputError
from subnets.parallel_results import CORRELATE, RETRIEVE
from subnets.parallel_rows import Row, Spaces, retrieval_rows, similarity_rows
from subnets.progress import Progress
from subnets.representations import BareEncoder, Sentences, bare_encoder, read_by, represent
from subnets.settings import ParallelSettings, Settings
from subnets.similarity import LEAST
from subnets.source_masks import SourceMask
from subnets.tables import csv_bytes
from subnets.workspace import Folder, check_writable, held


class RowsOf(Protocol):
    """Rows of results, of the spaces of sub-networks; `seed` is that of whatever is drawn."""

    def __call__(self, spaces: Iterable[Spaces], settings: ParallelSettings, *, seed: int) -> list[Row]:
        """A list of rows with the same columns."""


@dataclass(frozen=True)
class Way:
    """How a step looks at parallel sentences.

    Attributes:
        pooling: which vectors of `representations.POOLINGS` it looks at.
        rows: what it makes of the sub-networks' spaces.
        table: the file it writes beside the results.
    """

    pooling: str
    rows: RowsOf
    table: str


# The mean of the sub-words for retrieval and [CLS] for similarity, as Foroutan et al. 2022 (section 6, appendix F).
WAYS: dict[str, Way] = {
    RETRIEVE: Way("mean", retrieval_rows, "retrieval.csv"),
    CORRELATE: Way("first", similarity_rows, "similarity.csv"),
}


def compute(settings: Settings, step: str, *, source: SourceMask, folder: Folder, progress: Progress) -> None:
    """Represents parallel sentences by sub-networks and keeps what comes of it in a folder.

    Raises:
        InputError: sentences or base that cannot be used, a mask of another base, too few sentences for the settings,
            a folder that is in use or cannot be written.
        RunFailed: the encoder gives what is no number.
    """
    began, langs = time.perf_counter(), (settings.lang, settings.parallel.pivot)
    check_writable(folder)
    parallel = parallel_sentences(settings.data, langs, hub=settings.parallel.hub, limit=settings.parallel.sentences)
    accelerator = accelerator_of(settings, replace(settings.finetune, precision="fp32", tracker=None))
    bare = bare_encoder(settings, device=accelerator.device)
    _check_base(source, bare)
    sides = [read_by(bare, parallel.sentences[lang], where=f"parallel sentences, {lang}") for lang in langs]
    _check_sizes(len(sides[0].places), settings.parallel)
    cut = sum(side.cut for side in sides)
    progress.say(f"{len(sides[0].places):,} parallel sentences" + (f"; {cut:,} texts were cut off" if cut else ""))
    with held(folder, settings.parallel_identity(step), waiting=progress.say):
        if folder.has(RESULTS):  # by another worker of a sweep
            return
        way = WAYS[step]
        spaces = _spaces(bare, sides, mask=source.mask, pooling=way.pooling, settings=settings, progress=progress)
        rows = way.rows(spaces, settings.parallel, seed=settings.seed)
        folder.write(way.table, csv_bytes(rows))
        folder.write_json(PROVENANCE, _provenance(bare, parallel))
        results = _about(settings, source) | {
            "sentences": len(sides[0].places),
            "cut": cut,
            "sentences_fingerprint": _fingerprint(parallel),
            "rows": rows,
            "seconds": round(time.perf_counter() - began, 2),
        }
        folder.write_json(RESULTS, results)


def _spaces(
    bare: BareEncoder,
    sides: Sequence[Sentences],
    *,
    mask: Mask,
    pooling: str,
    settings: Settings,
    progress: Progress,
) -> Iterator[Spaces]:
    """The dense base, the mask, the one-shot mask with as many weights, and a random one with as many."""
    reference = bare.reference(mask, scope=settings.pruning.scope)
    masks = {
        "dense": Mask.full(mask.shapes),
        "masked": mask,
        "oneshot": reference.oneshot_like(mask),
        "random": random_mask(mask.shapes, kept=mask.kept, seed=settings.seed),
    }
    for name, chosen in masks.items():
        progress.say(f"{name}: {chosen.kept:,} of {chosen.total:,} weights")
        with bare.inside(chosen):
            lang, pivot = (represent(bare, side, pooling=pooling) for side in sides)
        yield Spaces(name, chosen.sparsity, lang, pivot)


def _check_base(source: SourceMask, bare: BareEncoder) -> None:
    about = source.about
    if about.base_fingerprint != bare.fingerprint:
        raise InputError(
            f"the mask is one of base {about.base} (fingerprint {about.base_fingerprint[:12]}); "
            f"the model at hand has {bare.fingerprint[:12]}: name the model it was found on"
        )


def _check_sizes(sentences: int, chosen: ParallelSettings) -> None:
    for name, size in (("neighbours", chosen.neighbours), ("top", chosen.top)):
        if size > sentences:
            raise InputError(f"parallel.{name}={size}: there are {sentences} parallel sentences; allowed: 1 to so many")
    if sentences < LEAST:
        raise InputError(f"parallel sentences: found {sentences}; expected at least {LEAST}")


def _about(settings: Settings, source: SourceMask) -> dict[str, Any]:
    """What the results are of, as `parallel_results.Compared` has it."""
    return {
        "model": settings.model_label, "task": settings.task.name, "lang": settings.lang,
        "pivot": settings.parallel.pivot, "seed": settings.seed, "mask": source.text,
        "mask_digest": source.mask.digest, "mask_task": source.task, "mask_lang": source.lang,
        "mask_seeds": sorted({each.run.seed for each in source.named}),
        "masks": [
            {"name": each.name, "origin": each.origin, "digest": each.read()[0].digest} for each in source.named
        ],
        "sparsity": source.mask.sparsity,
    }  # fmt: skip


def _provenance(bare: BareEncoder, parallel: Parallel) -> dict[str, Any]:
    return {
        "software": provenance.software(),
        "machine": provenance.machine(bare.device, precision="fp32", ranks=1),
        "base_fingerprint": bare.fingerprint,
        "data_revision": parallel.revision,
    }


def _fingerprint(parallel: Parallel) -> str:
    """SHA-256 of the sentences."""
    return hashlib.sha256(json.dumps(parallel.sentences, ensure_ascii=False).encode()).hexdigest()
