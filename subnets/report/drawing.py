"""Colours, signs and heat maps that the pictures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm, LinearSegmentedColormap

# Okabe and Ito (2008), as in the page.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8a6d3b", "#7f7f7f")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "p", "*", "h", "8")
LABEL = 26  # signs of a name at an axis
NARROW = 0.1  # a range of values that two decimals would not tell apart
WORSE_TO_BETTER = LinearSegmentedColormap.from_list("worse to better", (COLOURS[1], "#f7f7f7", COLOURS[0]))


def shortened(text: str) -> str:
    """A name that leaves room for what it names."""
    return text if len(text) <= LABEL else f"{text[: LABEL - 1]}…"


def heat(axis: Axes, values: Sequence[Sequence[float]], down: Sequence[str], along: Sequence[str], label: str) -> None:
    """A heat map with its numbers, light for high."""
    image = axis.imshow(values, cmap="cividis", aspect="auto")
    axis.set_xticks(range(len(along)), along)
    axis.set_yticks(range(len(down)), down)
    axis.spines[:].set_visible(False)
    low, high = image.get_clim()
    digits = 3 if high - low < NARROW else 2
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            if value == value and len(down) <= 12:  # not for nan
                dark = value < (low + high) / 2
                axis.text(
                    column, row, f"{value:.{digits}f}", ha="center", va="center", fontsize=7, color="w" if dark else "k"
                )
    axis.figure.colorbar(image, ax=axis, label=label, fraction=0.046)


def difference_map(
    axis: Axes,
    values: Sequence[Sequence[float | None]],
    marks: Sequence[Sequence[bool | None]],
    *,
    down: Sequence[str],
    along: Sequence[str],
    label: str,
) -> None:
    """A heat map of differences, white at 0, with its numbers; ✓ where marked."""
    found = np.array([[np.nan if value is None else value for value in line] for line in values], dtype=float)
    shade: Any = CenteredNorm(halfrange=float(np.nanmax(np.abs(found), initial=0.0)) or 1.0)
    image = axis.imshow(found, cmap=WORSE_TO_BETTER, norm=shade, aspect="auto")
    # Names may hold signs that matplotlib would read as formulas.
    axis.set_xticks(range(len(along)), along, parse_math=False)
    axis.set_yticks(range(len(down)), map(shortened, down), parse_math=False)
    axis.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(found):
        if not np.isnan(value):
            text = f"{value:z.2f}" + (" ✓" if marks[row][column] else "")
            axis.text(column, row, text, ha="center", va="center", fontsize=6.5)
    axis.figure.colorbar(image, ax=axis, label=label, fraction=0.046)
