"""Pictures of transfers, of masks by other means, and of the paper's numbers beside ours."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from subnets.report.drawing import COLOURS, LABEL, MARKERS, difference_map, shortened

Row = dict[str, Any]
Draw = Callable[[list[Row]], Figure]


def _matrices(rows: list[Row], *, against: str, along: str) -> Figure:
    """A panel for every mode and sparsity."""
    columns = min(2, len(rows))
    lines = -(-len(rows) // columns)
    wide, high = (max(len(row[side]) for row in rows) for side in ("along", "down"))
    named = min(LABEL, max(len(name) for row in rows for name in row["down"]))
    size = (columns * (2.0 + 0.07 * named + 0.48 * wide), lines * (1.3 + 0.3 * high))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis, row in zip(axes, rows, strict=False):
        names = {side: row[side] for side in ("down", "along")}
        difference_map(axis, row["values"], row["marks"], label=f"less {against}", **names)
        axis.set_title(f"{row['mode'].replace('_', ' ')}, {row['sparsity']:.1%} sparsity", fontsize=9)
        axis.set_xlabel(along)
    for axis in axes[len(rows) :]:
        axis.set_visible(False)
    return figure


def _sources(rows: list[Row]) -> Figure:
    """A panel a mode: the mean of every source at every sparsity, with its interval."""
    high = max(len(row["sources"]) for row in rows)
    figure = Figure(figsize=(4.4 * len(rows), 1.3 + 0.3 * high), layout="constrained")
    for axis, row in zip(figure.subplots(1, len(rows), squeeze=False).ravel(), rows, strict=True):
        for at, level in enumerate(row["levels"]):
            colour, marker = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
            mean, low, high_end = (
                np.array([np.nan if value is None else 100 * value for value in level[end]])
                for end in ("mean", "low", "high")
            )
            y = np.arange(len(row["sources"])) + 0.18 * (at - (len(row["levels"]) - 1) / 2)
            axis.hlines(y, low, high_end, color=colour, linewidth=1)
            random = "" if level["random"] is None else f" (random masks {level['random']:.1%})"
            axis.plot(mean, y, marker, color=colour, label=f"{level['sparsity']:.1%} sparsity{random}")
        axis.axvline(0, color="0.45", linewidth=1)
        axis.set_yticks(range(len(row["sources"])), map(shortened, row["sources"]), parse_math=False)
        axis.invert_yaxis()
        axis.set_xlabel("mean over targets, less own mask (%)")
        axis.set_title(row["mode"].replace("_", " "), fontsize=9)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16))
    return figure


def _beside(rows: list[Row]) -> Figure:
    """Our differences over the paper's, a point a cell."""
    (row,) = rows
    figure = Figure(figsize=(4.6, 3.8), layout="constrained")
    axis = figure.subplots()
    axis.axhline(0, color="0.8", linewidth=1)
    axis.axvline(0, color="0.8", linewidth=1)
    for at, table in enumerate(row["tables"]):
        axis.plot(table["paper"], table["ours"], MARKERS[at], color=COLOURS[at], label=table["table"], alpha=0.8)
    axis.set_xlabel("the paper's difference (above 0 is better)")
    axis.set_ylabel("ours")
    figure.legend(loc="outside lower center", ncols=4)
    return figure


TRANSFER_PICTURES: dict[str, Draw] = {
    "transfers": partial(_matrices, against="own mask", along="target"),
    "sources": _sources,
    "cross_tasks": partial(_matrices, against="own mask", along="target"),
    "multilingual": partial(_matrices, against="own mask", along="target"),
    "other_masks": partial(_matrices, against="dense", along="language"),
    "beside": _beside,
}
