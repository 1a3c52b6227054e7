"""What the figures of retrieval and similarity show, as plain values: a line a sub-network, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

from subnets.parallel_means import AtLayer, Retrieved, Similar, Subject, best_layers
from subnets.report.matrix_content import in_short
from subnets.report.numbers import rounded
from subnets.statistics import Interval

Row = dict[str, Any]
T = TypeVar("T", Retrieved, Similar)

SUBNETWORKS = {"dense": "dense", "masked": "masked", "oneshot": "one-shot", "random": "random"}
MEASURES = {"svcca": "SVCCA", "pwcca": "PWCCA", "cka": "linear CKA", "debiased_cka": "linear CKA, debiased"}


@dataclass(frozen=True)
class Looked:
    """What untrained sub-networks make of parallel sentences, over seeds."""

    retrieved: Sequence[Retrieved]
    similar: Sequence[Similar]


def parallel_content(looked: Looked) -> dict[str, list[Row]]:
    """The entries of both figures, each with its model, task, languages, mask and sparsity."""
    return {"retrieval": list(_retrieval(looked.retrieved)), "similarity": list(_similarity(looked.similar))}


def whose(subject: Subject) -> str:
    """The mask, and its task where that is another one."""
    return subject.mask if subject.mask_task == subject.task else f"{subject.mask_task} of {subject.mask}"


def pair_of(subject: Subject) -> str:
    """The languages held against each other."""
    return f"{subject.lang} – {subject.pivot}"


def seeds_in_words(rows: Sequence[AtLayer]) -> str:
    """The seeds of the masks: 0+1 of two masks, (0, 1) of one that was computed from both."""
    found = max((row.seeds for row in rows), key=len)
    return "+".join(str(each[0]) if len(each) == 1 else f"({', '.join(map(str, each))})" for each in found)


def by_subject(rows: Iterable[T], column: str) -> Iterator[list[T]]:
    """Rows in their order, those of one subject and `column` (top, measure) together."""
    for _, group in groupby(rows, key=lambda row: (row.subject, getattr(row, column))):
        yield list(group)


def _retrieval(rows: Sequence[Retrieved]) -> Iterable[Row]:
    for group in by_subject(rows, "top"):
        first, best = group[0], best_layers(group)
        said = [f"{SUBNETWORKS[name]} {row.accuracy.mean:.2f} in layer {row.layer}" for name, row in best.items()]
        yield {
            **_named(first.subject),
            "top": first.top,
            "chance": rounded(first.chance),
            **_lines(group, lambda row: row.accuracy, _retrieved_in_words),
            "caption": f"{_about(group)}: translations among the best {first.top} of {first.sentences:,}, both "
            f"directions, chance {first.chance:.2f}. Best: {'; '.join(said)}. "
            "Bands are intervals over seeds, and over sentences where there is one seed or, dense and one-shot, none.",
        }


def _similarity(rows: Sequence[Similar]) -> Iterable[Row]:
    for group in by_subject(rows, "measure"):
        first = group[0]
        found = _lines(group, lambda row: row.value, _similar_in_words)
        for line in found["lines"]:
            own = [row for row in group if row.subnetwork == line["name"]]
            line |= {name: [rounded(getattr(row, name)) for row in own] for name in ("chance", "corrected")}
        yield {
            **_named(first.subject),
            "measure": first.measure,
            "measured": MEASURES[first.measure],
            **found,
            "caption": f"{_about(group)}: {MEASURES[first.measure]} of the first token's vectors of "
            f"{first.sentences:,} sentences and their translations; dotted: of sentences paired at random. "
            "Bands are intervals over seeds, where there are several.",
        }


def _named(subject: Subject) -> Row:
    return {
        "model": subject.model, "task": subject.task, "pair": pair_of(subject), "mask": whose(subject),
        "sparsity": rounded(subject.sparsity),
    }  # fmt: skip


def _about(rows: Sequence[AtLayer]) -> str:
    subject = rows[0].subject
    return (
        f"{subject.lang} and {subject.pivot} inside the mask of {whose(subject)}, sparsity {subject.sparsity:.1%}, "
        f"{_counted(rows)}, untrained"
    )


def _counted(rows: Sequence[AtLayer]) -> str:
    return f"seed{'s' if max(len(row.seeds) for row in rows) > 1 else ''} {seeds_in_words(rows)}"


def _lines(
    rows: Sequence[T], value: Callable[[T], Interval | None], told: Callable[[T], list[str]]
) -> dict[str, list[Any]]:
    """The layers, and a line a sub-network: means, ends of the intervals and what hovering shows."""
    by_name = {name: [row for row in rows if row.subnetwork == name] for name in SUBNETWORKS}
    lines = []
    for name, own in by_name.items():
        if own:
            values = [value(row) for row in own]
            ends = {end: [rounded(getattr(each, end)) if each else None for each in values] for end in
                    ("mean", "low", "high")}  # fmt: skip
            layers = [row.layer for row in own]
            lines.append({"name": name, "layers": layers, **ends, "hover": [told(row) for row in own]})
    return {"lines": lines}


def _retrieved_in_words(row: Retrieved) -> list[str]:
    subject = row.subject
    return [
        f"{SUBNETWORKS[row.subnetwork]}, layer {row.layer}",
        f"found {in_short(row.accuracy)}, chance {row.chance:.2f}",
        f"{subject.lang} → {subject.pivot} {row.from_lang:.2f}, {subject.pivot} → {subject.lang} {row.from_pivot:.2f}",
        f"more than dense by {in_short(row.beyond_dense)}",
    ]


def _similar_in_words(row: Similar) -> list[str]:
    named = f"{SUBNETWORKS[row.subnetwork]}, layer {row.layer}"
    if row.value is None:
        return [named, "all vectors are the same"]
    spread = "" if row.chance_sd is None else f" ± {row.chance_sd:.3f}"
    return [
        named,
        f"{MEASURES[row.measure]} {in_thousandths(row.value)}",
        f"paired at random {row.chance or 0:.3f}{spread}",
        *([] if row.corrected is None else [f"above chance {row.corrected:z.3f} (1 = equal)"]),
    ]


def in_thousandths(found: Interval) -> str:
    """A mean with its interval, where there is one, as similarities are told."""
    return f"{found.mean:z.3f}" + ("" if found.low is None else f" [{found.low:z.3f}, {found.high:z.3f}]")
