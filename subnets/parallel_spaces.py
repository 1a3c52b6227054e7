"""Parallel sentences as sub-networks of a base see them: the mask asked for, beside what it is held against."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from finetune.parallel import Parallel, parallel_sentences
from pruning.controls import random_mask
from pruning.mask import Mask
from subnets import provenance
from subnets.catalogue import PROVENANCE, RESULTS
from subnets.devices import accelerator_of
from subnets.errors import InputError
from subnets.parallel_results import CORRELATE, RETRIEVE
from subnets.parallel_rows import Row, Seen, Vectors, ranks, retrieval_rows, similarities, similarity_rows
from subnets.parallel_seen import seen_once
from subnets.progress import Progress
from subnets.representations import BareEncoder, Sentences, bare_encoder, read_by, represent
from subnets.settings import ParallelSettings, Settings
from subnets.similarity import LEAST
from subnets.source_masks import SourceMask
from subnets.tables import csv_bytes
from subnets.workspace import Folder, check_writable, held, seen_folder


class Look(Protocol):
    """What there is to see in the vectors of either side; `seed` is that of whatever is drawn."""

    def __call__(self, lang: Vectors, pivot: Vectors, settings: ParallelSettings, *, seed: int) -> list[Any]:
        """An entry a layer."""


class RowsOf(Protocol):
    """Rows of results, of what is seen in sub-networks; `seed` is that of whatever is drawn."""

    def __call__(self, seen: Iterable[Seen], settings: ParallelSettings, /, *, seed: int) -> list[Row]:
        """A list of rows with the same columns."""


@dataclass(frozen=True)
class Way:
    """How a step looks at parallel sentences.

    Attributes:
        pooling: which vectors of `representations.POOLINGS` it looks at.
        look: what it sees in them.
        by: the settings of `parallel`, and the seed where something is drawn, that decide what it sees.
        rows: what it makes of that.
        table: the file it writes beside the results.
    """

    pooling: str
    look: Look
    by: tuple[str, ...]
    rows: RowsOf
    table: str


# The mean of the sub-words for retrieval and [CLS] for similarity, as Foroutan et al. 2022 (section 6, appendix F).
WAYS: dict[str, Way] = {
    RETRIEVE: Way("mean", ranks, ("neighbours",), retrieval_rows, "retrieval.csv"),
    CORRELATE: Way("first", similarities, ("variance", "permutations", "seed"), similarity_rows, "similarity.csv"),
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
    accelerator = accelerator_of(settings, replace(settings.finetune, precision="fp32"))
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
        identity = _identity(settings, step, base=bare.fingerprint, sentences=parallel.fingerprint)
        seen = _seen(bare, sides, mask=source.mask, step=step, identity=identity, settings=settings, progress=progress)
        rows = way.rows(seen, settings.parallel, seed=settings.seed)
        folder.write(way.table, csv_bytes(rows))
        folder.write_json(PROVENANCE, _provenance(bare, parallel))
        results = _about(settings, source) | {
            "sentences": len(sides[0].places),
            "cut": cut,
            "sentences_fingerprint": parallel.fingerprint,
            "rows": rows,
            "seconds": round(time.perf_counter() - began, 2),
        }
        folder.write_json(RESULTS, results)


def _seen(
    bare: BareEncoder,
    sides: Sequence[Sentences],
    *,
    mask: Mask,
    step: str,
    identity: dict[str, Any],
    settings: Settings,
    progress: Progress,
) -> Iterator[Seen]:
    """The dense base, the mask, the one-shot mask with as many weights, and a random one with as many.

    The dense base is the same beside every mask, and so are the other two beside masks of one sparsity: what was seen
    in them is kept.
    """
    way, reference = WAYS[step], bare.reference(mask, scope=settings.pruning.scope)
    masks = {
        "dense": Mask.full(mask.shapes),
        "masked": mask,
        "oneshot": reference.oneshot_like(mask),
        "random": random_mask(mask.shapes, kept=mask.kept, seed=settings.seed),
    }
    for name, chosen in masks.items():

        def look(chosen: Mask = chosen) -> list[Any]:
            with bare.inside(chosen):
                lang, pivot = (represent(bare, side, pooling=way.pooling) for side in sides)
            return way.look(lang, pivot, settings.parallel, seed=settings.seed)

        folder = seen_folder(settings, step, identity, digest=chosen.digest)
        whole = identity | {"mask_digest": chosen.digest}
        layers, before = seen_once(
            folder, whole, step=step, sentences=len(sides[0].places), look=look, waiting=progress.say
        )
        progress.say(f"{name}: {chosen.kept:,} of {chosen.total:,} weights" + (", as before" if before else ""))
        yield Seen(name, chosen.sparsity, layers)


def _identity(settings: Settings, step: str, *, base: str, sentences: str) -> dict[str, Any]:
    """All that decides what a step sees in a mask, but for the mask."""
    chosen = {"seed": settings.seed} | asdict(settings.parallel)
    return {
        "step": step, "base_fingerprint": base, "sentences_fingerprint": sentences, "lang": settings.lang,
        "pivot": settings.parallel.pivot, "max_length": settings.finetune.max_length,
        **{name: chosen[name] for name in WAYS[step].by},
    }  # fmt: skip


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
