"""The tables of transfers, of masks by other means, and of the paper's numbers beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from subnets.report.beside_paper import Agreement, Beside
from subnets.report.matrix_content import (
    MODES,
    Tried,
    in_order,
    in_short,
    of_mixes,
    of_one_task,
    of_other_tasks,
    task_and_source,
)
from subnets.report.other_masks import ByScore
from subnets.statistics import Interval
from subnets.transfer_means import SourceMean, Spread, Summary, Transferred

Row = dict[str, Any]
BASELINES = ("own", "dense", "random", "oneshot")


def tables_of(tried: Tried) -> dict[str, tuple[list[Row], list[Row]]]:
    """Every table by name, as data and as a paper shows it."""
    beside = beside_rows(tried.beside)
    return {
        "transfers": (transfer_rows(tried.cells), shown_cells(of_one_task(tried.cells))),
        "cross_tasks": (transfer_rows(of_other_tasks(tried.cells)), shown_tasks(of_other_tasks(tried.cells))),
        "multilingual": (transfer_rows(of_mixes(tried.cells)), shown_cells(of_mixes(tried.cells))),
        "transfer_summary": (summary_rows(tried.summaries), shown_summaries(tried.summaries)),
        "sources": (source_rows(tried.sources), shown_sources(tried.sources)),
        "other_masks": (other_mask_rows(tried.by_score), shown_other_masks(tried.by_score)),
        "beside_paper": (beside, beside),
        "agreement": (agreement_rows(tried.agreements), shown_agreements(tried.agreements)),
    }


def shown(tried: Tried) -> dict[str, tuple[list[Row], str, list[Row]]]:
    """Under each figure: a table, its caption, and a longer table to unfold."""
    less_own = "Less the target's own mask; ✓ within one standard deviation of it over seeds"
    return {
        "transfers": (shown_summaries(tried.summaries), less_own, shown_cells(of_one_task(tried.cells))),
        "sources": (shown_sources(tried.sources), "Mean over targets, as a share of the own mask's score", []),
        "cross_tasks": (shown_tasks(of_other_tasks(tried.cells)), less_own, []),
        "multilingual": (shown_cells(of_mixes(tried.cells)), less_own, []),
        "other_masks": (shown_other_masks(tried.by_score), "Less dense", []),
        "beside": (shown_agreements(tried.agreements), "Ours and the paper's", shown_beside(tried.beside)),
    }


def transfer_rows(cells: Sequence[Transferred]) -> list[Row]:
    """A row a cell, numbers as numbers: what the CSV holds."""
    partial = sorted({name for each in cells for name in each.baselines if name not in BASELINES})
    return [
        {
            "model": each.model, "task": each.task, "lang": each.lang, "mode": each.mode, "source": each.source,
            "source_task": each.source_task, "sparsity": each.sparsity, "metric": each.metric,
            "seeds": "+".join(map(str, each.seeds)), **_spread("score", each.score), "test_score": each.test_score,
            **{
                column: value
                for name in (*BASELINES, *partial)
                for column, value in _spread(name, each.beside.get(name)).items()
            },
            **_interval("better_than_own", each.difference), "relative": each.relative,
            "successful": each.successful, "not_worse": each.not_worse,
        }
        for each in cells
    ]  # fmt: skip


def source_rows(means: Sequence[SourceMean]) -> list[Row]:
    """A row a source and sparsity: its mean over targets (figure 6 of the paper)."""
    return [
        {
            "model": each.model, "task": each.task, "mode": each.mode, "source": each.source,
            "sparsity": each.sparsity, "targets": "+".join(each.targets), **_interval("relative", each.relative),
            "random": each.random,
        }
        for each in means
    ]  # fmt: skip


def summary_rows(found: Sequence[Summary]) -> list[Row]:
    """A row a matrix: its cells but for masks found on their target, and random masks on the same targets."""
    return [
        {
            "model": each.model, "task": each.task, "mode": each.mode, "sparsity": each.sparsity, "cells": each.cells,
            "mean": each.mean, "worst": each.worst, "best": each.best, "at_least_own": each.at_least_own,
            "successful": each.successful,
            **dict(zip(("random_worst", "random_mean", "random_best"), each.random or (None, None, None), strict=True)),
        }
        for each in found
    ]  # fmt: skip


def other_mask_rows(found: Sequence[ByScore]) -> list[Row]:
    """A row a score, language and sparsity."""
    return [
        {
            "model": each.model, "task": each.task, "lang": each.lang, "chosen_by": each.chosen_by,
            "sparsity": each.sparsity, "metric": each.metric, "seeds": "+".join(map(str, each.seeds)),
            **_interval("score", each.score), **_interval("dense", each.dense),
            **_interval("better_than_dense", each.difference),
        }
        for each in found
    ]  # fmt: skip


def beside_rows(found: Sequence[Beside]) -> list[Row]:
    """A row a cell that the paper has too."""
    return [
        {
            "model": each.model, "table": each.table, "task": each.task, "lang": each.lang, "mask": each.mask,
            "paper": each.paper, **_interval("ours", each.ours), "seeds": each.seeds,
            "paper_sparsity": each.paper_sparsity, "sparsity": each.sparsity, "against": each.against,
            "paper_difference": each.paper_difference, "difference": each.difference,
        }
        for each in found
    ]  # fmt: skip


def agreement_rows(found: Sequence[Agreement]) -> list[Row]:
    """A row a table of the paper: signs, order and means of the differences, numbers as numbers."""
    return [
        {
            "table": each.table, "model": each.model, "task": each.task, "cells": each.cells,
            "same_sign": each.same_sign, "rank_correlation": each.rank_correlation, "mean_difference": each.mean,
            "paper_mean_difference": each.paper_mean,
        }
        for each in found
    ]  # fmt: skip


def shown_agreements(found: Sequence[Agreement]) -> list[Row]:
    """`agreement_rows` in words and rounded."""
    return [
        {
            "table": each.table, "model": each.model, "task": each.task, "cells": str(each.cells),
            "with the paper's sign": str(each.same_sign),
            "rank correlation": _or_dash(each.rank_correlation), "mean difference": f"{each.mean:+z.2f}",
            "the paper's": f"{each.paper_mean:+z.2f}",
        }
        for each in found
    ]  # fmt: skip


def shown_summaries(found: Sequence[Summary]) -> list[Row]:
    """`summary_rows`, rounded and in words."""
    return [
        {
            "masks": MODES[each.mode], "model": each.model, "task": each.task, "sparsity": f"{each.sparsity:.1%}",
            "cells": str(each.cells), "mean": f"{each.mean:+z.2f}", "worst": f"{each.worst:+z.2f}",
            "best": f"{each.best:+z.2f}", "at least own": f"{each.at_least_own:.0%}",
            "within one sd": "–" if each.successful is None else f"{each.successful:.0%}",
            "random masks": "–" if each.random is None else "{:+z.2f} … {:+z.2f} … {:+z.2f}".format(*each.random),
        }
        for each in found
    ]  # fmt: skip


def shown_sources(means: Sequence[SourceMean]) -> list[Row]:
    """`source_rows`, rounded, a column a sparsity."""

    def cell(each: SourceMean) -> str:
        found = each.relative
        return f"{found.mean:+z.2%}" + ("" if found.low is None else f" [{found.low:+z.2%}, {found.high:+z.2%}]")

    return _wide(
        means,
        row=lambda each: {"source": each.source, "model": each.model, "task": each.task, "masks": MODES[each.mode]},
        column=lambda each: f"{each.sparsity:.1%}",
        cell=cell,
        order=lambda each: (each.model, each.task, in_order(each.mode), "+" in each.source),
    )


def shown_cells(cells: Sequence[Transferred]) -> list[Row]:
    """Differences to the own mask, a row a source, a column a target; ✓ within one standard deviation."""
    return _by_target(cells, lambda each: each.source)


def shown_tasks(cells: Sequence[Transferred]) -> list[Row]:
    """The same, a row a source's task."""
    return _by_target(cells, task_and_source)


def shown_beside(found: Sequence[Beside]) -> list[Row]:
    """`beside_rows`, rounded and in words."""
    return [
        {
            "mask": each.mask, "on": each.lang, "table": each.table, "model": each.model, "task": each.task,
            "ours": in_short(each.ours) if each.ours else "–", "the paper's": _or_dash(each.paper),
            "sparsity": "no ticket" if each.sparsity is None else f"{each.sparsity:.0%}",
            "paper sparsity": f"{each.paper_sparsity:.0%}",
            "against": each.against, "difference": _signed(each.difference),
            "paper difference": _signed(each.paper_difference), "seeds": str(each.seeds),
        }
        for each in found
    ]  # fmt: skip


def _by_target(cells: Sequence[Transferred], mask: Callable[[Transferred], str]) -> list[Row]:
    def cell(each: Transferred) -> str:
        if each.difference is None:
            return f"{each.score.mean:.2f} (no own)"
        return f"{each.difference.mean:+z.2f}" + (" ✓" if each.successful else "")

    return _wide(
        cells,
        row=lambda each: {
            "mask": mask(each),
            "model": each.model,
            "task": each.task,
            "sparsity": f"{each.sparsity:.1%}",
            "masks": MODES[each.mode],
        },
        column=lambda each: each.lang,
        cell=cell,
        order=lambda each: (each.model, each.task, in_order(each.mode), each.sparsity, "+" in each.source),
    )


def shown_other_masks(found: Sequence[ByScore]) -> list[Row]:
    """Differences to dense, a row a score, a column a language."""
    return _wide(
        found,
        row=lambda each: {
            "chosen by": each.chosen_by.replace("_", " "),
            "model": each.model,
            "task": each.task,
            "sparsity": f"{each.sparsity:.1%}",
        },
        column=lambda each: each.lang,
        cell=lambda each: in_short(each.difference),
        order=lambda each: (each.model, each.task, each.sparsity),
    )


def _wide(
    found: Iterable[Any],
    *,
    row: Callable[[Any], Row],
    column: Callable[[Any], str],
    cell: Callable[[Any], str],
    order: Callable[[Any], tuple[Any, ...]],
) -> list[Row]:
    """Cells under each other where `row` is alike, beside each other by `column`; every row has every column."""

    def place(each: Any) -> tuple[Any, ...]:
        return (*order(each), *row(each).values())

    found = sorted(found, key=place)
    columns = sorted({column(each) for each in found})
    rows = []
    for _, group in groupby(found, key=place):
        here = list(group)
        cells = {column(each): cell(each) for each in here}
        rows.append(row(here[0]) | {name: cells.get(name, "") for name in columns})
    return rows


def _spread(name: str, found: Spread | None) -> Row:
    numbers = _interval(name, found.score if found else None)
    return numbers | {f"{name}_standard_deviation": found.standard_deviation if found else None}


def _interval(name: str, found: Interval | None) -> Row:
    if found is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+z.2f}"
