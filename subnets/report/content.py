"""What the figures show, as plain values: drawn by the page and by the static pictures alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from subnets.report.mask_content import heads, ladders, overlaps, relatedness, topologies
from subnets.report.numbers import rounded
from subnets.report.trajectories import Trajectory
from subnets.settings import CONTROLS
from subnets.statistics import Interval

if TYPE_CHECKING:
    from subnets.comparison import Comparison  # with torch: seconds

Row = dict[str, Any]


@dataclass(frozen=True)
class Compared:
    """The comparison of the runs of one model and task."""

    model: str
    task: str
    found: Comparison


def content_of(trajectories: Sequence[Trajectory], comparisons: Sequence[Compared]) -> dict[str, list[Row]]:
    """All that the figures show, by figure; each entry names its model and task."""
    compared: dict[str, Callable[[Comparison], Iterable[Row]]] = {
        "overlaps": overlaps,
        "heads": heads,
        "relatedness": lambda found: map(relatedness, found.relatedness),
        "ladders": ladders,
        "topologies": topologies,
    }
    content: dict[str, list[Row]] = {"trajectories": _trajectories(trajectories)}
    for name, told in compared.items():
        content[name] = [
            {"model": each.model, "task": each.task} | row for each in comparisons for row in told(each.found)
        ]
    return content


def worst_of(group: Sequence[Trajectory]) -> Trajectory:
    """The language of a model and task whose ticket, or where one has none whose dense run, scores worst.

    A language without a ticket is worse than any with one.
    """

    def standing(each: Trajectory) -> tuple[bool, float]:
        sign = 1 if each.higher_is_better else -1
        return (each.ticket is not None, sign * (each.ticket.score.mean if each.ticket else each.dense))

    return min(group, key=standing)


def _trajectories(trajectories: Sequence[Trajectory]) -> list[Row]:
    rows: list[Row] = []
    for (model, task), each in groupby(trajectories, key=lambda found: (found.model, found.task)):
        group = list(each)
        worst = worst_of(group)
        named = f"Worst language: {worst.lang} ({_outcome(worst)})."
        rows.extend(
            {"model": model, "task": task, "worst": named, "worst_lang": worst.lang} | _trajectory(found)
            for found in group
        )
    return rows


def _trajectory(found: Trajectory) -> Row:
    ticket = found.ticket
    return {
        "lang": found.lang,
        "metric": found.metric,
        "points": {
            "x": [rounded(point.sparsity) for point in found.points],
            "seeds": [point.score.count for point in found.points],
            **_columns([point.score for point in found.points]),
        },
        "dense": {"mean": rounded(found.dense), "sd": rounded(found.dense_standard_deviation)},
        "ticket": {"x": rounded(ticket.sparsity), "mean": rounded(ticket.score.mean)} if ticket else None,
        "controls": [
            {
                "name": control.name,
                "style": CONTROLS.index(control.name)
                + 1,  # a control looks alike in every language and at any sparsity
                "x": rounded(control.sparsity),
                **_one(control.score),
            }
            for control in found.controls
        ],
        "caption": f"{found.task} in {found.lang}: {_outcome(found)}; seeds {', '.join(map(str, found.seeds))}. "
        "The grey band is dense within one standard deviation over seeds; the star is the ticket.",
    }


def _outcome(found: Trajectory) -> str:
    dense = f"dense {found.dense:.2f}"
    if found.dense_standard_deviation is not None:
        dense += f" ± {found.dense_standard_deviation:.2f}"
    if found.ticket is None:
        return f"no ticket over seeds, {dense}"
    return f"ticket at {found.ticket.sparsity:.1%} with {found.ticket.score.mean:.2f}, {dense}"


def _columns(intervals: Sequence[Interval]) -> Row:
    ones = [_one(each) for each in intervals]
    return {name: [one[name] for one in ones] for name in ("mean", "low", "high")}


def _one(found: Interval) -> Row:
    return {"mean": rounded(found.mean), "low": rounded(found.low), "high": rounded(found.high)}
