"""The tables of the report: outcomes by language, overlaps, and where the numbers come from."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from subnets.report.content import Compared, worst_of
from subnets.report.trajectories import Control, Trajectory
from subnets.statistics import Interval

Row = dict[str, Any]
SAME = 0.0005  # sparsities closer than this are shown as one


def outcome_rows(trajectories: Sequence[Trajectory]) -> list[Row]:
    """A row a model, task and language, numbers as numbers: what the CSV holds."""
    return [_outcome(found) for found in trajectories]


def shown_outcomes(trajectories: Sequence[Trajectory]) -> list[Row]:
    """The same in words and rounded, with the mean over languages and the worst language after each task."""
    rows: list[Row] = []
    for (model, task), each in groupby(trajectories, key=lambda found: (found.model, found.task)):
        group = list(each)
        rows.extend({"language": found.lang, "model": model} | _shown(found) for found in group)
        if len(group) > 1:
            rows.append({"language": f"{len(group)} languages", "model": model} | _mean_over(task, group))
    return rows


def overlap_rows(comparisons: Sequence[Compared]) -> list[Row]:
    """A row a pair of languages, sparsity and measure of whole masks, with interval, chance, floor and ceiling."""
    return [
        {"model": each.model, "task": each.task}
        | {name: value for name, value in row.items() if name not in ("kind", "layer", "component", "head")}
        for each in comparisons
        for row in each.found.languages
        if row["kind"] == "whole"
    ]


def overview_rows(comparisons: Sequence[Compared]) -> list[Row]:
    """What two languages share over all pairs of runs, beside chance, floor, ceiling and the same seed."""
    return [{"model": each.model, "task": each.task} | row for each in comparisons for row in each.found.overview]


def shown_overview(comparisons: Sequence[Compared]) -> list[Row]:
    """`overview_rows` of the sparsest level of each task, rounded."""
    return [
        {
            "what": row["what"],
            "model": row["model"],
            "overlap": row["measure"].replace("_", " "),
            "task": row["task"],
            "sparsity": f"{row['sparsity']:.1%}",
            "mean": f"{row['mean']:.3f}",
            "interval": "–" if row["low"] is None else f"[{row['low']:.3f}, {row['high']:.3f}]",
            "chance": "–" if row["chance"] is None else f"{row['chance']:.3f}",
            "floor": "–" if row["floor"] is None else f"{row['floor']:.3f}",
        }
        for row in _sparsest(overview_rows(comparisons))
    ]


def paper_outcomes(trajectories: Sequence[Trajectory]) -> list[Row]:
    """The outcomes as a paper shows them: what `shown_outcomes` has, without where it comes from."""
    return [
        {
            name: row.get(name, "")
            for name in ("model", "task", "language", "dense", "sparsity", "ticket", "oneshot", "random")
        }
        for row in shown_outcomes(trajectories)
    ]


def paper_overlaps(comparisons: Sequence[Compared]) -> list[Row]:
    """Jaccard of every two languages at the sparsest level, pairs of runs with other seeds."""
    rows = [row for row in overlap_rows(comparisons) if (row["measure"], row["seeds"]) == ("jaccard", "other")]
    names = ("model", "task", "left", "right", "mean", "low", "high", "chance", "floor", "ceiling")
    return [{name: row[name] for name in names} for row in _sparsest(rows)]


def relatedness_rows(comparisons: Sequence[Compared]) -> list[Row]:
    """The statistics of how languages stand to each other."""
    return [{"model": each.model, "task": each.task} | row for each in comparisons for row in each.found.relations]


def ladder_rows(comparisons: Sequence[Compared]) -> list[Row]:
    """How many weights are kept by exactly j languages."""
    return [{"model": each.model, "task": each.task} | row for each in comparisons for row in each.found.ladders]


def topology_table(comparisons: Sequence[Compared]) -> list[Row]:
    """Topological overlaps of every two languages."""
    return [{"model": each.model, "task": each.task} | row for each in comparisons for row in each.found.topologies]


def shown_relatedness(comparisons: Sequence[Compared]) -> list[Row]:
    """`relatedness_rows` of the sparsest level of each task, rounded."""
    return [
        {
            "statistic": row["statistic"],
            "model": row["model"],
            "task": row["task"],
            "sparsity": f"{row['sparsity']:.1%}",
            "overlap": row["overlap"].replace("_", " "),
            "value": f"{row['value']:z.3f}",
            "p": "–" if row["p"] is None else f"{row['p']:.4f}",
            "two-sided p": "–" if row["two_sided_p"] is None else f"{row['two_sided_p']:.4f}",
        }
        for row in _sparsest(relatedness_rows(comparisons))
    ]


def _sparsest(rows: Sequence[Row]) -> list[Row]:
    """The rows of the sparsest level of each model and task."""
    levels: dict[tuple[str, str], float] = {}
    for row in rows:
        key = (row["model"], row["task"])
        levels[key] = max(row["sparsity"], levels.get(key, 0.0))
    return [row for row in rows if row["sparsity"] == levels[row["model"], row["task"]]]


def _outcome(found: Trajectory) -> Row:
    ticket = found.ticket
    row: Row = {
        "model": found.model, "task": found.task, "lang": found.lang, "metric": found.metric,
        "seeds": "+".join(map(str, found.seeds)), "dense": found.dense,
        "dense_standard_deviation": found.dense_standard_deviation,
        "own_tickets": "+".join(f"{each:g}" if each is not None else "none" for each in found.own_tickets.values()),
        "ticket_sparsity": ticket.sparsity if ticket else None, **_numbers("ticket", ticket.score if ticket else None),
        **_numbers("ticket_test", found.test_score),
    }  # fmt: skip
    for name in ("oneshot", "random"):
        control = _control(found, name)
        row |= _numbers(name, control.score if control else None)
        row[f"{name}_sparsity"] = control.sparsity if control else None
        row |= _numbers(f"own_ticket_above_{name}", control.behind if control else None)
    return row | {"seconds": found.seconds}


def _control(found: Trajectory, name: str) -> Control | None:
    """The control at the ticket's sparsity; without one, that of the most runs."""
    named = [control for control in found.controls if control.name == name]
    at_ticket = [control for control in named if found.ticket and control.sparsity == found.ticket.sparsity]
    return max(at_ticket or named, key=lambda control: control.score.count, default=None)


def _numbers(name: str, found: Interval | None) -> Row:
    if found is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}


def _shown(found: Trajectory) -> Row:
    ticket = found.ticket
    row = {
        "task": found.task,
        "dense": _with_spread(found.dense, found.dense_standard_deviation),
        "sparsity": f"{ticket.sparsity:.1%}" if ticket else "no ticket",
        "ticket": _in_short(ticket.score) if ticket else "–",
        "test": _in_short(found.test_score) if found.test_score else "–",
        "runs' own tickets": ", ".join(f"{each:.0%}" if each else "none" for each in found.own_tickets.values()),
    }
    for name in ("oneshot", "random"):
        control = _control(found, name)
        row[name] = _beside_ticket(control, ticket.sparsity if ticket else None) if control else "–"
        row[f"own ticket above {name}"] = _in_short(control.behind) if control and control.behind else "–"
    return row | {"metric": found.metric, "seeds": str(len(found.seeds)), "seconds": f"{found.seconds:.0f}"}


def _mean_over(task: str, group: Sequence[Trajectory]) -> Row:
    worst = worst_of(group)
    tickets = [each.ticket for each in group if each.ticket]
    return {
        "task": task,
        "dense": f"{statistics.fmean(each.dense for each in group):.2f}",
        "sparsity": f"{statistics.fmean(ticket.sparsity for ticket in tickets):.1%}" if tickets else "–",
        "ticket": _over_those_with_one(group),
        "test": f"worst: {worst.lang}",
        "emphasis": True,
    }


def _over_those_with_one(group: Sequence[Trajectory]) -> str:
    """The mean ticket, and where some languages have none, dense of those that have one."""
    having = [(each.ticket, each.dense) for each in group if each.ticket]
    if not having:
        return "–"
    mean = f"{statistics.fmean(ticket.score.mean for ticket, _ in having):.2f}"
    if len(having) == len(group):
        return mean
    return f"{mean} ({len(having)} of {len(group)}; dense there {statistics.fmean(dense for _, dense in having):.2f})"


def _with_spread(mean: float, spread: float | None) -> str:
    return f"{mean:.2f}" + (f" ± {spread:.2f}" if spread is not None else " (one seed)")


def _beside_ticket(control: Control, sparsity: float | None) -> str:
    """A control's score, and its sparsity where that is not the ticket's."""
    elsewhere = sparsity is None or abs(control.sparsity - sparsity) > SAME
    return _in_short(control.score) + (f" at {control.sparsity:.1%}" if elsewhere else "")


def _in_short(found: Interval) -> str:
    if found.low is None or found.high is None:
        return f"{found.mean:.2f} (one seed)"
    return f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"
