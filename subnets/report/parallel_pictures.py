"""Pictures of retrieval and similarity: a panel for every two languages and mask, a line a sub-network."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from subnets.report.drawing import COLOURS, MARKERS, shortened
from subnets.report.parallel_content import MEASURES, SUBNETWORKS, Row

Draw = Callable[[list[Row]], Figure]
COLUMNS = 4


def _retrieval(rows: list[Row]) -> Figure:
    """The accuracy among the most, beside chance."""
    most = max(row["top"] for row in rows)
    shown = [row for row in _sparsest(rows) if row["top"] == most]
    figure, axes = _panels(shown, f"found among {most} (%)")
    for axis, row in zip(axes, shown, strict=True):
        axis.axhline(row["chance"], color="0.45", linestyle=":", linewidth=1, label="chance")
    return _with_legend(figure, axes)


def _similarity(rows: list[Row], *, measure: str) -> Figure:
    """One measure, beside sentences paired at random."""
    shown = [row for row in _sparsest(rows) if row["measure"] == measure]
    figure, axes = _panels(shown, MEASURES[measure])
    for axis, row in zip(axes, shown, strict=True):
        for at, line in enumerate(row["lines"]):
            axis.plot(line["layers"], _numbers(line["chance"]), ":", color=COLOURS[at], linewidth=1)
        axis.plot([], [], ":", color="0.45", label="paired at random")
    return _with_legend(figure, axes)


def _sparsest(rows: list[Row]) -> list[Row]:
    """The rows of the sparsest level of every two languages and mask."""
    levels: dict[tuple[str, str], float] = {}
    for row in rows:
        place = (row["pair"], row["mask"])
        levels[place] = max(row["sparsity"], levels.get(place, 0.0))
    return [row for row in rows if row["sparsity"] == levels[row["pair"], row["mask"]]]


def _panels(rows: list[Row], label: str) -> tuple[Figure, list[Axes]]:
    columns = min(COLUMNS, len(rows))
    lines = -(-len(rows) // columns)
    figure = Figure(figsize=(max(3.6, 2.6 * columns), 2.2 * lines + 0.6), layout="constrained")
    axes = list(figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel())
    for axis, row in zip(axes, rows, strict=False):
        for at, line in enumerate(row["lines"]):
            mean, low, high = (_numbers(line[end]) for end in ("mean", "low", "high"))
            axis.fill_between(line["layers"], low, high, color=COLOURS[at], alpha=0.18, linewidth=0)
            axis.plot(line["layers"], mean, color=COLOURS[at], marker=MARKERS[at], markersize=4,
                      label=SUBNETWORKS[line["name"]])  # fmt: skip
        # Names may hold signs that matplotlib would read as formulas.
        title = f"{row['pair']}, mask {shortened(row['mask'])}, {row['sparsity']:.0%}"
        axis.set_title(title, fontsize=8, parse_math=False)
    for axis in axes[len(rows) :]:
        axis.set_visible(False)
    for axis in axes[max(0, len(rows) - columns) : len(rows)]:
        axis.set_xlabel("layer")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.tick_params(labelbottom=True)
    for axis in axes[::columns]:
        axis.set_ylabel(label)
    return figure, axes[: len(rows)]


def _with_legend(figure: Figure, axes: list[Axes]) -> Figure:
    labelled = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(labelled.values(), labelled.keys(), loc="outside lower center", ncols=5)
    return figure


def _numbers(values: list[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


PARALLEL_PICTURES: dict[str, Draw] = {
    "retrieval": _retrieval,
    **{f"similarity-{measure}": partial(_similarity, measure=measure) for measure in MEASURES},
}
