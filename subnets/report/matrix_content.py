"""What the figures of transfers, other masks and the paper's numbers show, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

from subnets.report.beside_paper import Agreement, Beside
from subnets.report.numbers import rounded
from subnets.report.other_masks import ByScore
from subnets.statistics import Interval
from subnets.transfer_means import SourceMean, Summary, Transferred
from subnets.transfers import Mode

Row = dict[str, Any]
T = TypeVar("T")

MODES: dict[Mode, str] = {
    "trained": "trained on the target",
    "zero_shot": "trained on the source's language, scored on the target",
    "frozen": "not trained",
}
WITHIN = "✓ marks differences within one standard deviation of the target's own mask over seeds"


@dataclass(frozen=True)
class Tried:
    """All that is known beside the runs' own trajectories.

    Attributes:
        cells: transfers over seeds.
        sources: their means by source.
        summaries: their matrices in a few numbers each.
        by_score: masks chosen by other means.
        beside: our cells beside the paper's.
        agreements: how these differences stand to each other.
        worlds: which base and data each model's numbers are of, in a sentence.
    """

    cells: Sequence[Transferred]
    sources: Sequence[SourceMean]
    summaries: Sequence[Summary]
    by_score: Sequence[ByScore]
    beside: Sequence[Beside]
    agreements: Sequence[Agreement]
    worlds: Mapping[str, str]


def tried_content(tried: Tried) -> dict[str, list[Row]]:
    """The entries of every figure, each with its model, task, mode and sparsity."""
    return {
        "transfers": list(_matrices(of_one_task(tried.cells), down=lambda each: each.source)),
        "sources": list(_sources(tried.sources)),
        "cross_tasks": list(_matrices(of_other_tasks(tried.cells), down=task_and_source)),
        "multilingual": list(_matrices(of_mixes(tried.cells), down=lambda each: each.source)),
        "other_masks": list(_other_masks(tried.by_score)),
        "beside": list(_beside(tried)),
    }


def of_one_task(cells: Iterable[Transferred]) -> list[Transferred]:
    """Transfers between languages: masks of the target's own task."""
    return [each for each in cells if each.source_task == each.task]


def of_other_tasks(cells: Iterable[Transferred]) -> list[Transferred]:
    """Transfers between tasks."""
    return [each for each in cells if each.source_task != each.task]


def of_mixes(cells: Sequence[Transferred]) -> list[Transferred]:
    """Masks of several languages together, and the masks of those languages on the same targets."""
    found: list[Transferred] = []
    for mix in (each for each in of_one_task(cells) if "+" in each.source):
        alone = [
            each
            for each in cells
            if _level(each) == _level(mix)
            and (each.lang, each.source_task) == (mix.lang, mix.source_task)
            and each.source in mix.source.split("+")
        ]
        found.extend(each for each in (mix, *alone) if each not in found)
    return found


def in_order(mode: Mode) -> int:
    """Where a mode stands among others."""
    return list(MODES).index(mode)


def _level(each: Transferred) -> tuple[str, str, int, float]:
    return (each.model, each.task, in_order(each.mode), each.sparsity)


def task_and_source(each: Transferred) -> str:
    """The task of a mask, and its language where that is not the target's."""
    return each.source_task if each.source == each.lang else f"{each.source_task} of {each.source}"


def _matrices(cells: Iterable[Transferred], *, down: Callable[[Transferred], str]) -> Iterable[Row]:
    """A matrix for every model, target task, mode and sparsity, of differences to the target's own mask."""
    for (model, task, _, sparsity), group in groupby(sorted(cells, key=_level), key=_level):
        at = {(down(each), each.lang): each for each in group}
        mode = next(iter(at.values())).mode
        rows, columns = _ordered(at)
        foreign = [each.difference.mean for each in at.values() if each.difference and not each.holds_own]
        caption = f"{task}, sparsity {sparsity:.1%}, masks {MODES[mode]}: difference to the target's own mask"
        if foreign:
            caption += f", on average {sum(foreign) / len(foreign):+z.2f} over masks not found on the target"
        yield {
            "model": model, "task": task, "mode": mode, "sparsity": rounded(sparsity),
            "caption": f"{caption}; above 0 is better. {WITHIN}.",
            **_grid(at, rows, columns, _cell),
        }  # fmt: skip


def _ordered(at: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Rows and columns by name, mixes after single languages."""
    at = list(at)
    rows, columns = (sorted({place[side] for place in at}, key=lambda name: ("+" in name, name)) for side in (0, 1))
    return rows, columns


def _grid(at: dict[tuple[str, str], T], rows: Sequence[str], columns: Sequence[str], told: Callable[[T], Row]) -> Row:
    """Rows by columns: values, marks and what hovering shows; None where there is no cell."""
    cells = [[told(at[row, column]) if (row, column) in at else None for column in columns] for row in rows]
    return {
        "down": list(rows),
        "along": list(columns),
        **{
            name: [[cell[name] if cell else None for cell in line] for line in cells]
            for name in ("values", "marks", "hover")
        },
    }


def _cell(each: Transferred) -> Row:
    lines = [
        f"{each.source} ({each.source_task}) → {each.lang} ({each.task})",
        f"{each.metric} {in_short(each.score.score)}, {len(each.seeds)} seed(s)",
    ]
    if each.test_score is not None:
        lines.append(f"test {each.test_score:.2f}")
    if each.difference:
        relative = f", {each.relative:+z.2%}" if each.relative is not None else ""
        lines.append(f"better than own by {in_short(each.difference)}{relative}")
    for name, spread in each.beside.items():
        around = f" ± {spread.standard_deviation:.2f}" if spread.standard_deviation is not None else ""
        lines.append(f"{name.replace('_', ' ')} {spread.mean:.2f}{around}")
    if each.successful is not None:
        lines.append(f"{'within' if each.successful else 'not within'} one sd of own")
    if each.not_worse is not None:
        lines.append(f"not worse by bootstrap: {each.not_worse:.0%} of cells")
    return {
        "values": rounded(each.difference.mean) if each.difference else None,
        "marks": each.successful,
        "hover": lines,
    }


def _sources(means: Sequence[SourceMean]) -> Iterable[Row]:
    """A figure for every model, task and mode: sources by sparsities, as shares of the own mask's score."""

    def key(each: SourceMean) -> tuple[str, str, int]:
        return (each.model, each.task, in_order(each.mode))

    for (model, task, _), group in groupby(sorted(means, key=key), key=key):
        found = list(group)
        mode = found[0].mode
        levels = sorted({each.sparsity for each in found})
        names, _ = _ordered((each.source, "") for each in found)
        at = {(each.source, each.sparsity): each for each in found}
        random = {level: [each.random for each in found if each.sparsity == level and each.random] for level in levels}
        yield {
            "model": model, "task": task, "mode": mode, "sources": names,
            "levels": [
                {
                    "sparsity": rounded(level),
                    "random": rounded(sum(random[level]) / len(random[level])) if random[level] else None,
                    **{
                        end: [_end(at.get((name, level)), end) for name in names] for end in ("mean", "low", "high")
                    },
                    "targets": [", ".join(at[name, level].targets) if (name, level) in at else "" for name in names],
                }
                for level in levels
            ],
            "caption": f"{task}, masks {MODES[mode]}: mean over target languages of the difference to the target's own "
            "mask, as a share of its score (Foroutan et al. 2022, figure 6); above 0 is better. Intervals resample "
            "targets.",
        }  # fmt: skip


def _end(found: SourceMean | None, end: str) -> float | None:
    return rounded(getattr(found.relative, end)) if found else None


def _other_masks(found: Sequence[ByScore]) -> Iterable[Row]:
    def key(each: ByScore) -> tuple[str, str, float]:
        return (each.model, each.task, each.sparsity)

    for (model, task, sparsity), group in groupby(sorted(found, key=key), key=key):
        at = {(each.chosen_by.replace("_", " "), each.lang): each for each in group}
        yield {
            "model": model, "task": task, "mode": "trained", "sparsity": rounded(sparsity),
            "caption": f"{task}, sparsity {sparsity:.1%}: difference to dense; above 0 is better.",
            **_grid(at, *_ordered(at), _by_score),
        }  # fmt: skip


def _by_score(each: ByScore) -> Row:
    return {
        "values": rounded(each.difference.mean),
        "marks": None,
        "hover": [
            f"{each.chosen_by.replace('_', ' ')}, {each.lang} ({each.task})",
            f"{each.metric} {in_short(each.score)}, {len(each.seeds)} seed(s)",
            f"dense {in_short(each.dense)}",
            f"better than dense by {in_short(each.difference)}",
        ],
    }


def _beside(tried: Tried) -> Iterable[Row]:
    """A figure for every model and task: our differences over the paper's, a point a cell."""
    rows = [each for each in tried.beside if each.difference is not None and each.paper_difference is not None]
    for model, task in dict.fromkeys((each.model, each.task) for each in rows):
        points = [each for each in rows if (each.model, each.task) == (model, task)]
        said = [
            f"{each.table}: {each.same_sign} of {each.cells} with the paper's sign"
            + (f", rank correlation {each.rank_correlation:.2f}" if each.rank_correlation is not None else "")
            for each in tried.agreements
            if (each.model, each.task) == (model, task)
        ]
        yield {
            "model": model, "task": task,
            "tables": [
                {
                    "table": table,
                    "paper": [rounded(each.paper_difference) for each in points if each.table == table],
                    "ours": [rounded(each.difference) for each in points if each.table == table],
                    "hover": [_point(each) for each in points if each.table == table],
                }
                for table in dict.fromkeys(each.table for each in points)
            ],
            "caption": f"{task}: how much better than dense (Table 2) or than the own ticket (all others). "
            f"{'; '.join(said)}. {tried.worlds[model]}",
        }  # fmt: skip


def _point(each: Beside) -> list[str]:
    scores = [f"ours {in_short(each.ours)}"] if each.ours else []
    if each.paper is not None:
        scores.append(f"the paper's {each.paper:.2f}")
    return [
        f"{each.table}: {each.mask} on {each.lang} ({each.task})",
        *scores,
        f"to {each.against}: {each.difference:+z.2f}, the paper's {each.paper_difference:+z.2f}",
        f"sparsity {each.sparsity or 0:.0%}, the paper's {each.paper_sparsity:.0%}",
    ]


def in_short(found: Interval) -> str:
    """A mean with its interval, where there is one."""
    return f"{found.mean:z.2f}" + ("" if found.low is None else f" [{found.low:z.2f}, {found.high:z.2f}]")
