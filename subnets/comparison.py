"""Masks of finished runs held beside each other: every pair, every part, beside chance, floor and ceiling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pruning.mask_file import StoredMask, read_mask
from subnets.all_pairs import MaskLike, PairCounts, pair_counts_of
from subnets.catalogue import FinishedRun, differing_settings
from subnets.compared_rows import Known, language_rows, pair_rows
from subnets.deviation import LARGE, SMALL, deviation_overlap, in_common
from subnets.errors import INPUT_ERRORS, InputError
from subnets.ladder import ladder
from subnets.overlap import MEASURES, Beside, Counts, Measure, Numbers, beside_chance
from subnets.overview import overview_rows
from subnets.pair_table import PairTable
from subnets.parts import Part
from subnets.progress import Say
from subnets.reference import Reference, reference_of
from subnets.relatedness import Relatedness, relatedness
from subnets.settings import CompareSettings
from subnets.shuffled import shuffled_rows
from subnets.topologies import topology_rows

Row = dict[str, Any]

FINE = ("layer_component", "head")  # parts so many that tables of all pairs and measures would fill a disk


@dataclass(frozen=True)
class Comparison:
    """What comes out; each table is a list of rows with the same columns.

    Attributes:
        overview: what two languages share over all pairs, beside chance, floor, ceiling and the same seed; and what a
            mask shares with that of its run's control `shuffled_labels`, where there is one.
        pairs: a row a pair of runs, part and sparsity: counts, and every measure beside chance. Not of `FINE` parts.
        languages: a row a pair of languages, part, sparsity and measure: the mean over pairs of runs with other
            seeds, and apart from it that of the same seed. A language beside itself is the ceiling. Of `FINE` parts
            Jaccard alone.
        ladders: how many weights are kept by exactly j of the languages, one seed at a time.
        topologies: a row a pair of languages and topological measure, at the sparsest level.
        relatedness: how the languages of a level stand to each other, by Jaccard and by what training changed.
        warnings: what a reader must know before believing any of it.
    """

    overview: list[Row] = field(default_factory=list)
    pairs: list[Row] = field(default_factory=list)
    languages: list[Row] = field(default_factory=list)
    ladders: list[Row] = field(default_factory=list)
    topologies: list[Row] = field(default_factory=list)
    relatedness: list[Relatedness] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def relations(self) -> list[Row]:
        """The statistics of `relatedness` as one table."""
        return [row for each in self.relatedness for row in each.rows]


@dataclass(frozen=True)
class Level:
    """The runs that have a sparsity, and their masks of it."""

    sparsity: float
    runs: list[FinishedRun]
    masks: list[StoredMask]


def compare(
    runs: Sequence[FinishedRun],
    settings: CompareSettings,
    *,
    distances: Mapping[str, PairTable] = MappingProxyType({}),
    say: Say = lambda text: None,
) -> Comparison:
    """Compares the masks of runs at every sparsity that at least two of them have.

    Args:
        runs: finished ones, of one base; mixes are left out and named in a warning, as they are no further languages.
        settings: what is compared, and how surely.
        distances: tables over languages to hold the overlaps against, by name.
        say: told of progress.

    Raises:
        InputError: fewer than two runs of one language each, no sparsity in common, or masks of other bases.
    """
    alone = [run for run in runs if not run.is_mix]
    levels = _levels(alone)
    found = Comparison(warnings=[*_warnings(alone), *_mixes(runs)])
    try:
        fingerprint = levels[0].masks[0].about.base_fingerprint
        reference = reference_of(levels[0].runs[0], fingerprint=fingerprint)
    except INPUT_ERRORS as problem:
        reference = None
        found.warnings.append(f"no floor, no heads and no departures from the one-shot mask: {problem}")
    for level in levels:
        say(f"sparsity {level.sparsity:.4f}: {len(level.masks)} masks")
        _add_overlaps(found, level, reference, settings)
        found.ladders.extend(_ladder_rows(level))
        _add_relatedness(found, level, settings, distances)
    if reference and settings.topology:
        say(f"topology at sparsity {levels[-1].sparsity:.4f}")
        found.topologies.extend(_topology_rows(levels[-1], reference, settings))
    return found


def _levels(runs: Sequence[FinishedRun]) -> list[Level]:
    """Each sparsity with the runs that have it, lowest first."""
    if len(runs) < 2:
        raise InputError(f"runs to compare: found {len(runs)} of one language; expected at least 2 finished ones")
    sparsities = sorted({sparsity for run in runs for sparsity in run.by_sparsity})
    having = {sparsity: [run for run in runs if sparsity in run.by_sparsity] for sparsity in sparsities}
    levels = [
        Level(sparsity, found, [run.mask(run.by_sparsity[sparsity]) for run in found])
        for sparsity, found in having.items()
        if len(found) > 1
    ]
    if not levels:
        raise InputError("runs to compare: no two of them have a sparsity in common")
    first = levels[0].masks[0]
    for mask in (mask for level in levels for mask in level.masks):
        if mask.about.base_fingerprint != first.about.base_fingerprint:
            raise InputError(f"{mask.path}: a mask of another base than {first.path} cannot be compared with it")
    return levels


def _warnings(runs: Sequence[FinishedRun]) -> list[str]:
    found = [
        f"runs differ in {key}: {', '.join(map(repr, values))}"
        for key, values in differing_settings(list(runs)).items()
    ]
    seeds: dict[str, set[int]] = {}
    for run in runs:
        seeds.setdefault(run.lang, set()).add(run.seed)
    if single := sorted(lang for lang, each in seeds.items() if len(each) == 1):
        found.append(f"one seed only: {', '.join(single)}; there is no ceiling for them")
    if len(seeds) > 1 and len(set.union(*seeds.values())) == 1:
        found.append(
            "all runs have the same seed, so they share head and data order, which alone raises overlap; "
            "more seeds would tell languages from seeds"
        )
    return found


def _mixes(runs: Sequence[FinishedRun]) -> list[str]:
    mixes = sorted({run.lang for run in runs if run.is_mix})
    return [f"left out, as mixes are no languages of their own: {', '.join(mixes)}"] if mixes else []


def _add_overlaps(found: Comparison, level: Level, reference: Reference | None, settings: CompareSettings) -> None:
    """Adds the rows of a level to the tables of pairs and languages."""
    oneshot = reference.oneshot_like(level.masks[0]) if reference else None
    departures = _departures(level.masks, reference, oneshot)
    masks: list[MaskLike] = [*level.masks, *([oneshot] if oneshot else [])]
    kinds = [kind for kind in settings.parts if kind != "head" or reference]
    for kind, parts in pair_counts_of(masks, kinds, heads=reference.heads if reference else 1).items():
        measures = {"jaccard": MEASURES["jaccard"]} if kind in FINE else MEASURES
        for part, counts in parts.items():
            place = {"sparsity": level.sparsity, "kind": kind, **_place(part)}
            measured = {
                name: beside_chance(measure, counts.counts, counts.expected) for name, measure in measures.items()
            }
            if kind not in FINE:
                found.pairs.extend(place | row for row in pair_rows(level.runs, counts, measured))
            for name, beside in measured.items():
                known = Known(
                    floor=_floor(MEASURES[name], counts, departures) if kind == "whole" and departures else None,
                    with_oneshot=beside.value[: len(level.runs), -1] if oneshot else None,
                )
                rows = language_rows(level.runs, name, beside, settings, known)
                found.languages.extend(place | row for row in rows)
                if (kind, name) == ("whole", "jaccard"):
                    _add_overview(found, level, name, beside, settings, known)
    for side, counts in departures.items():
        beside = beside_chance(MEASURES["jaccard"], counts.counts, counts.expected)
        place = {"sparsity": level.sparsity, "kind": "whole", **_place(Part())}
        found.languages.extend(place | row for row in language_rows(level.runs, side, beside, settings, Known()))
        _add_overview(found, level, side, beside, settings, Known())
    found.overview.extend(
        shuffled_rows(
            level.runs,
            level.masks,
            sparsity=level.sparsity,
            departures=lambda masks: _departures(masks, reference, oneshot),
            confidence=settings.confidence,
            resamples=settings.resamples,
        )
    )


def _departures(
    masks: Sequence[StoredMask], reference: Reference | None, oneshot: MaskLike | None
) -> dict[str, PairCounts]:
    """In what the masks depart from the one-shot mask, on either side of the threshold; nothing without a reference."""
    if reference is None or oneshot is None:
        return {}
    magnitudes = {name: weight.numpy() for name, weight in reference.magnitudes.items()}
    return deviation_overlap(masks, oneshot, magnitudes)


def _floor(measure: Measure, counts: PairCounts, departures: Mapping[str, PairCounts]) -> Numbers:
    """A measure of two masks that depart from the one-shot mask as far as these do, but independently.

    Independently within strata of base magnitude, as `deviation_overlap` has it; shape (runs, runs).
    """
    small, large = departures[SMALL], departures[LARGE]
    kept = counts.kept[:-1]
    both = in_common(
        oneshot=int(counts.kept[-1]),
        added_by_both=small.expected.mean,
        dropped=large.kept,
        dropped_by_both=large.expected.mean,
    )
    return measure(Counts(both, kept[:, None], kept[None, :], counts.total))


def _add_overview(
    found: Comparison, level: Level, measure: str, beside: Beside, settings: CompareSettings, known: Known
) -> None:
    runs = len(level.runs)
    rows = overview_rows(
        beside.value[:runs, :runs],
        beside.chance[:runs, :runs],
        [run.lang for run in level.runs],
        [run.seed for run in level.runs],
        floor=known.floor,
        with_oneshot=known.with_oneshot,
        confidence=settings.confidence,
        resamples=settings.resamples,
    )
    found.overview.extend({"sparsity": level.sparsity, "measure": measure} | row for row in rows)


def _place(part: Part) -> Row:
    return {"layer": part.layer, "component": part.component, "head": part.head}


def _ladder_rows(level: Level) -> Iterator[Row]:
    """Over the languages that have a run of a seed, for every seed with at least two."""
    for seed in sorted({run.seed for run in level.runs}):
        of_seed = {run.lang: mask for run, mask in zip(level.runs, level.masks, strict=True) if run.seed == seed}
        if len(of_seed) < 2:
            continue
        for kind in ("whole", "layer"):
            for part, found in ladder(list(of_seed.values()), kind).items():
                for number, size in enumerate(found.sizes):
                    yield {
                        "sparsity": level.sparsity, "kind": kind, **_place(part), "seed": seed,
                        "languages": "+".join(sorted(of_seed)), "kept_by": number, "weights": int(size),
                        "expected": float(found.expected.mean[number]),
                        "expected_sd": float(found.expected.standard_deviation[number]),
                    }  # fmt: skip


def _add_relatedness(
    found: Comparison, level: Level, settings: CompareSettings, distances: Mapping[str, PairTable]
) -> None:
    for overlap in ("jaccard", "kept_though_small"):
        rows = [
            row
            for row in found.languages
            if (row["sparsity"], row["kind"], row["measure"]) == (level.sparsity, "whole", overlap)
        ]
        related = relatedness(
            rows,
            sparsity=level.sparsity,
            overlap=overlap,
            distances=distances,
            permutations=settings.permutations,
        )
        if related:
            found.relatedness.append(related)


def _topology_rows(level: Level, reference: Reference, settings: CompareSettings) -> list[Row]:
    masks = [read_mask(mask.path)[0] for mask in level.masks]
    rows = topology_rows(
        masks,
        [run.lang for run in level.runs],
        [run.seed for run in level.runs],
        heads=reference.heads,
        draws=settings.draws,
        confidence=settings.confidence,
        resamples=settings.resamples,
    )
    return [{"sparsity": level.sparsity} | row for row in rows]
