"""Our numbers beside those of Foroutan et al. 2022, cell by cell, where the same study was run."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats

from subnets.catalogue import Kept
from subnets.paper.published import (
    SPARSITY,
    CrossTask,
    Matrix,
    WinningTicket,
    cross_task,
    multilingual,
    transfers,
    winning_tickets,
)
from subnets.report.trajectories import Trajectory
from subnets.statistics import Interval
from subnets.transfer_means import OWN, RANDOM, Transferred, sign_of

DENSE = "dense"
NEAR = 0.005  # a mask of 50 % by the rounding of its matrices
PAPERS_BASE = "bert-base-multilingual-cased"
PAPERS_DATA = "hub"


@dataclass(frozen=True)
class Beside:
    """A cell of the paper and the same cell of ours.

    Attributes:
        table: where it stands in the paper.
        mask: what was trained: dense, ticket, own, random, or whose mask.
        against: what differences are held against: dense or own ticket.
        paper, ours: scores on validation; `paper` is None where it prints differences alone.
        paper_difference, difference: to what it is held against; above 0 is better, whatever the metric. None where
            the cell is that itself.
        paper_sparsity, sparsity: of the masks; `ours` and `sparsity` are None where there is no ticket over seeds.
        seeds: how many ours has.
    """

    model: str
    table: str
    task: str
    lang: str
    mask: str
    against: str
    paper: float | None
    ours: Interval | None
    paper_difference: float | None
    difference: float | None
    paper_sparsity: float
    sparsity: float | None
    seeds: int


@dataclass(frozen=True)
class Agreement:
    """How our differences stand to the paper's.

    Attributes:
        cells: how many have a difference in both.
        same_sign: in how many of them it has the same sign.
        rank_correlation: Spearman's; None for fewer than three cells, or where all are alike.
        mean, paper_mean: of the differences.
    """

    model: str
    table: str
    task: str
    cells: int
    same_sign: int
    rank_correlation: float | None
    mean: float
    paper_mean: float


def beside_paper(trajectories: Sequence[Trajectory], cells: Sequence[Transferred]) -> list[Beside]:
    """All cells that both have, table by table.

    Tables 3 to 5, Table 1 and Figure 9 are of masks of 50 % trained on the target; of ours those near that sparsity.
    """
    tried = [each for each in cells if each.mode == "trained" and abs(each.sparsity - SPARSITY) < NEAR]
    matrices = {matrix.task: matrix for matrix in transfers()}
    of_tables = [
        each
        for each in tried
        if each.task in matrices and each.source_task == each.task
        if (each.source, each.lang) in matrices[each.task].scores
    ]
    of_mixes = [
        each
        for each in tried
        if (each.task, each.source_task) == ("ner", "ner")
        if "+" in each.source and (_sorted(each.source), each.lang) in multilingual().scores
    ]
    return [
        *(row for found in trajectories for row in _of_table_2(found, winning_tickets())),
        *(_of_matrix(each, matrices[each.task], "Tables 3 to 5") for each in of_tables if not each.is_own),
        *_controls(of_tables, matrices, "Tables 3 to 5"),
        *(_of_matrix(each, multilingual(), "Table 1") for each in of_mixes),
        *_controls(of_mixes, {multilingual().task: multilingual()}, "Table 1"),
        *_of_figure_9(tried, cross_task()),
    ]


def agreements(rows: Sequence[Beside]) -> list[Agreement]:
    """How many differences of each table and task have the paper's sign, and whether their order is alike."""
    found = []
    for model, table, task in dict.fromkeys((row.model, row.table, row.task) for row in rows):
        pairs = [
            (row.difference, row.paper_difference)
            for row in rows
            if (row.model, row.table, row.task) == (model, table, task)
            if row.difference is not None and row.paper_difference is not None
        ]
        if pairs:
            ours, papers = (list(each) for each in zip(*pairs, strict=True))
            same = int(sum(np.sign(one) == np.sign(other) for one, other in pairs))
            means = (statistics.fmean(each) for each in (ours, papers))
            found.append(Agreement(model, table, task, len(pairs), same, _rank_correlation(ours, papers), *means))
    return found


def worlds_apart(runs: Iterable[Kept]) -> str:
    """In a sentence, which base and data ours are, and what may be compared with the paper's."""
    worlds = sorted({(_told(run, "model", "name"), _told(run, "data", "source")) for run in runs})
    ours = ", ".join(f"{base} on {data} data" for base, data in worlds)
    if worlds == [(PAPERS_BASE, PAPERS_DATA)]:
        return f"Both are of mBERT and hub data, the paper's of 2022 as it printed them; ours: {ours}."
    return (
        f"Ours: {ours}; the paper's: mBERT on hub data. These are numbers of different worlds: only signs and orders "
        "compare."
    )


def _told(run: Kept, group: str, name: str) -> str:
    found: Any = run.settings.get(group)
    return str(found.get(name)) if isinstance(found, Mapping) else "unknown"


def _of_table_2(found: Trajectory, table: Sequence[WinningTicket]) -> Iterable[Beside]:
    for row in table:
        if (row.task, row.lang) != (found.task, found.lang):
            continue
        sign = 1 if found.higher_is_better else -1
        ticket = found.ticket
        random = next(
            (each for each in found.controls if each.name == RANDOM and ticket and each.sparsity == ticket.sparsity),
            None,
        )
        dense = Interval(found.dense, None, None, 0.95, len(found.dense_seeds))
        ours = {
            "dense": (row.dense, dense, 0.0),
            "ticket": (row.ticket, ticket.score if ticket else None, ticket.sparsity if ticket else None),
            RANDOM: (row.random, random.score if random else None, random.sparsity if random else None),
        }
        for mask, (paper, score, sparsity) in ours.items():
            if score is None and mask == RANDOM:
                continue
            is_dense = mask == "dense"
            yield Beside(
                found.model, "Table 2", found.task, found.lang, mask, "dense",
                paper=paper,
                ours=score,
                paper_difference=None if is_dense else sign * (paper - row.dense),
                difference=None if is_dense or score is None else sign * (score.mean - found.dense),
                paper_sparsity=0.0 if is_dense else row.sparsity,
                sparsity=sparsity,
                seeds=score.count if score else 0,
            )  # fmt: skip


def _of_matrix(cell: Transferred, matrix: Matrix, table: str) -> Beside:
    paper = matrix.scores[_sorted(cell.source), cell.lang]
    own = matrix.beside["own"].get(cell.lang)
    return Beside(
        cell.model, table, cell.task, cell.lang, cell.source, "own ticket",
        paper=paper,
        ours=cell.score.score,
        paper_difference=None if own is None else sign_of(matrix.metric) * (paper - own),
        difference=cell.difference.mean if cell.difference else None,
        paper_sparsity=SPARSITY,
        sparsity=cell.sparsity,
        seeds=len(cell.seeds),
    )  # fmt: skip


def _controls(cells: Sequence[Transferred], matrices: Mapping[str, Matrix], table: str) -> Iterable[Beside]:
    """The own, dense and random masks of each target, from its first cell that has them.

    Under a name apart: signs and orders of transfers would drown in those of random masks.
    """
    said = set()
    for cell in cells:
        matrix = matrices[cell.task]
        papers_own = matrix.beside["own"].get(cell.lang)
        for mask, papers in sorted(matrix.beside.items()):
            paper, ours = papers.get(cell.lang), cell.beside.get(mask)
            place = (cell.model, cell.task, cell.lang, mask)
            if paper is None or ours is None or place in said or OWN not in cell.baselines:
                continue
            said.add(place)
            is_own, sign = mask == OWN, sign_of(matrix.metric)
            yield Beside(
                cell.model, f"{table}, controls", cell.task, cell.lang, mask, "own ticket",
                paper=paper,
                ours=ours.score,
                paper_difference=None if is_own or papers_own is None else sign * (paper - papers_own),
                difference=None if is_own else cell.gain(mask),
                paper_sparsity=0.0 if mask == DENSE else SPARSITY,
                sparsity=0.0 if mask == DENSE else cell.sparsity,
                seeds=ours.score.count,
            )  # fmt: skip


def _of_figure_9(cells: Sequence[Transferred], figure: Sequence[CrossTask]) -> Iterable[Beside]:
    papers = {(each.task, each.source_task, each.lang): each.difference for each in figure}
    said = set()
    for cell in cells:
        if cell.source != cell.lang or cell.source_task == cell.task:
            continue
        random = cell.baselines.get(RANDOM)
        tried = {
            cell.source_task: (cell.score.score, cell.difference.mean if cell.difference else None),
            None: (random.score if random else None, cell.gain(RANDOM)),
        }
        for source_task, (score, difference) in tried.items():
            place = (cell.task, source_task, cell.lang)
            if place not in papers or score is None or (cell.model, *place) in said or OWN not in cell.baselines:
                continue
            said.add((cell.model, *place))
            yield Beside(
                cell.model, "Figure 9", cell.task, cell.lang, source_task or RANDOM, "own ticket",
                paper=None,
                ours=score,
                paper_difference=papers[place],
                difference=difference,
                paper_sparsity=SPARSITY,
                sparsity=cell.sparsity,
                seeds=score.count,
            )  # fmt: skip


def _sorted(source: str) -> str:
    """Languages joined by + in the order of the alphabet, as the paper has them."""
    return "+".join(sorted(source.split("+")))


def _rank_correlation(ours: Sequence[float], papers: Sequence[float]) -> float | None:
    if len(ours) < 3 or len(set(ours)) == 1 or len(set(papers)) == 1:
        return None
    return float(scipy.stats.spearmanr(ours, papers).statistic)
