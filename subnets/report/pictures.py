"""The figures as pictures for papers: PNG and SVG of what the page draws, one task a picture."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from subnets.report.content import Row
from subnets.report.drawing import COLOURS, MARKERS, heat
from subnets.report.parallel_pictures import PARALLEL_PICTURES
from subnets.report.transfer_pictures import TRANSFER_PICTURES

STYLE: Any = {
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.prop_cycle": cycler(color=COLOURS),
    "legend.frameon": False, "legend.fontsize": 8, "svg.hashsalt": "subnets", "svg.fonttype": "path",
}  # fmt: skip
DOTS_PER_INCH = 160
LEVEL = "sparsity"
SEEDS = {"other": "other seeds", "same": "the same seed"}


def pictures_of(content: dict[str, list[Row]]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Every picture by name (MODEL-TASK-FIGURE), each as `png` and `svg`; the same content gives the same bytes.

    Of what the page lets one choose, the sparsest level is drawn, the whole mask and Jaccard; of transfers, all.
    """
    for name, draw in PICTURES.items():
        for (model, task), rows in _by_task(content[SOURCES[name]]):
            with mpl.rc_context(STYLE):
                figure = draw(rows)
                if figure is not None:
                    yield f"{model}-{task}-{name}", _saved(figure)


def _by_task(rows: Sequence[Row]) -> Iterator[tuple[tuple[str, str], list[Row]]]:
    for key in dict.fromkeys((row["model"], row["task"]) for row in rows):
        yield key, [row for row in rows if (row["model"], row["task"]) == key]


def _saved(figure: Figure) -> dict[str, bytes]:
    FigureCanvasAgg(figure)
    found = {}
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
        data = io.BytesIO()
        figure.savefig(data, format=kind, dpi=DOTS_PER_INCH, metadata=metadata, bbox_inches="tight")
        found[kind] = data.getvalue()
    return found


def _trajectories(rows: list[Row]) -> Figure:
    """A panel a language: mean and interval over seeds, the dense band, the ticket, the controls."""
    columns = min(4, len(rows))
    lines = -(-len(rows) // columns)
    figure = Figure(figsize=(2.6 * columns, 2.2 * lines + 0.5), layout="constrained")
    axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axis, row in zip(axes, rows, strict=False):
        _trajectory(axis, row)
    for axis in axes[len(rows) :]:
        axis.set_visible(False)
    for axis in axes[max(0, len(rows) - columns) : len(rows)]:
        axis.set_xlabel("sparsity (%)")
        axis.tick_params(labelbottom=True)
    for axis in axes[::columns]:
        axis.set_ylabel(rows[0]["metric"])
    labelled = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(labelled.values(), labelled.keys(), loc="outside lower center", ncols=4)
    return figure


def _trajectory(axis: Axes, row: Row) -> None:
    points, dense = row["points"], row["dense"]
    x = [100 * value for value in points["x"]]
    if dense["sd"] is not None:
        axis.axhspan(dense["mean"] - dense["sd"], dense["mean"] + dense["sd"], color="0.88", label="dense ± 1 sd")
    axis.axhline(dense["mean"], color="0.45", linestyle=":", linewidth=1)
    sure = [at for at, value in enumerate(points["low"]) if value is not None]
    if sure:
        low, high = ([points[end][at] for at in sure] for end in ("low", "high"))
        axis.fill_between([x[at] for at in sure], low, high, alpha=0.2, linewidth=0)
    axis.plot(x, points["mean"], marker="o", markersize=4, label="magnitude pruning")
    for control in row["controls"]:
        colour, marker = (each[control["style"] % len(each)] for each in (COLOURS, MARKERS))
        if control["low"] is not None:
            axis.plot([100 * control["x"]] * 2, [control["low"], control["high"]], color=colour, linewidth=1)
        axis.plot(100 * control["x"], control["mean"], marker, color=colour, label=f"control: {control['name']}")
    if row["ticket"]:
        star: dict[str, Any] = {"markersize": 13, "markerfacecolor": "white", "markeredgecolor": "black"}
        axis.plot(100 * row["ticket"]["x"], row["ticket"]["mean"], "*", label="ticket", **star)
    axis.set_title(row["lang"], fontsize=10)


def _overlap(rows: list[Row]) -> Figure | None:
    """Jaccard of whole masks at the sparsest level, languages in the order of their clustering."""
    (table,) = rows
    found = table["rows"]
    sparsest = max(found[LEVEL])
    relation = list(table["relations"].values())[-1]
    wanted = {"measure": "jaccard", "part": "whole", "seeds": relation, LEVEL: sparsest}
    at = [place for place in range(len(found["mean"])) if all(found[key][place] == to for key, to in wanted.items())]
    if not at:
        return None
    cells = {(found["left"][place], found["right"][place]): found["mean"][place] for place in at}
    names = {name for pair in cells for name in pair}
    order = [name for name in list(table["order"].values())[-1] if name in names]
    values = [[_either(cells, one, other) for other in order] for one in order]
    size = 1.6 + 0.45 * len(order)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axis = figure.subplots()
    heat(axis, values, order, order, f"jaccard at {sparsest:.1%} sparsity, runs with {SEEDS[relation]}")
    return figure


def _either(cells: dict[tuple[str, str], float], one: str, other: str) -> float:
    return cells.get((one, other), cells.get((other, one), float("nan")))


def _layers(rows: list[Row]) -> Figure | None:
    """Jaccard of two languages by layer at the sparsest level, beside chance, floor and ceiling."""
    (table,) = rows
    found = table["rows"]
    sparsest = max(found[LEVEL])
    at = [
        place
        for place in range(len(found["mean"]))
        if found["kind"][place] == "layer"
        and found[LEVEL][place] == sparsest
        and found["seeds"][place] == list(table["relations"].values())[-1]
    ]
    parts = list(dict.fromkeys(found["part"][place] for place in at))
    if not parts:
        return None
    figure = Figure(figsize=(4.6, 3.0), layout="constrained")
    axis = figure.subplots()
    lines = {
        "two languages": "mean",
        "one language, other seeds (ceiling)": "ceiling",
        "with the one-shot mask": "with_oneshot",
    }
    for number, (label, column) in enumerate((lines | {"chance": "chance"}).items()):
        y = []
        for part in parts:
            values = [
                found[column][place]
                for place in at
                if found["part"][place] == part
                and found["left"][place] != found["right"][place]
                and found[column][place] is not None
            ]
            y.append(sum(values) / len(values) if values else float("nan"))
        axis.plot(parts, y, marker=MARKERS[number], markersize=5, color=COLOURS[number], label=label)
    axis.set_ylabel(f"jaccard at {sparsest:.1%} sparsity")
    axis.tick_params(axis="x", rotation=0 if len(parts) <= 6 else 60)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _heads(rows: list[Row]) -> Figure:
    row = max(rows, key=lambda each: each[LEVEL])
    values = row["corrected"]
    figure = Figure(figsize=(1.8 + 0.5 * len(values[0]), 1.2 + 0.42 * len(values)), layout="constrained")
    down = [f"layer {layer}" for layer in range(len(values))]
    along = [f"{head}" for head in range(len(values[0]))]
    heat(figure.subplots(), values, down, along, f"jaccard above chance, {row[LEVEL]:.1%} sparsity")
    figure.supxlabel("head", fontsize=9)
    return figure


def _tree(rows: list[Row]) -> Figure | None:
    row = _by_jaccard(rows)
    if row is None:
        return None
    figure = Figure(figsize=(4.6, 0.8 + 0.3 * len(row["leaves"])), layout="constrained")
    axis = figure.subplots()
    for x, y in zip(row["dendrogram"]["x"], row["dendrogram"]["y"], strict=True):
        axis.plot(y, x, color="black", linewidth=1.2)
    named = [f"{lang} · {row['families'][lang]}" if lang in row["families"] else lang for lang in row["leaves"]]
    axis.set_yticks([5 + 10 * at for at in range(len(named))], named)
    axis.set_xlabel(f"1 − overlap above chance, {row[LEVEL]:.1%} sparsity")
    joins = [max(heights) for heights in row["dendrogram"]["y"]]
    spread = max(joins) - min(joins) or max(joins)
    axis.set_xlim(max(0.0, min(joins) - spread / 3), max(joins) + spread / 12)
    return figure


def _graph(rows: list[Row]) -> Figure | None:
    row = _by_jaccard(rows)
    if row is None:
        return None
    places = row["places"]
    figure = Figure(figsize=(4.4, 3.6), layout="constrained")
    axis = figure.subplots()
    for pairs, width, colour in ((row["edges"], 0.6, "0.8"), (row["tree"], 2.2, "0.25")):
        for one, other in pairs:
            axis.plot(*zip(places[one], places[other], strict=True), color=colour, linewidth=width, zorder=1)
    for number, langs in enumerate(row["communities"]):
        marker, colour = MARKERS[number % len(MARKERS)], COLOURS[number % len(COLOURS)]
        x, y = zip(*(places[lang] for lang in langs), strict=True)
        axis.scatter(x, y, s=150, marker=marker, color=colour, zorder=2)
        for lang in langs:
            axis.annotate(lang, places[lang], xytext=(0, 9), textcoords="offset points", ha="center")
    axis.set_axis_off()
    axis.margins(0.15)
    return figure


def _by_jaccard(rows: list[Row]) -> Row | None:
    return max((row for row in rows if row["overlap"] == "jaccard"), key=lambda each: each[LEVEL], default=None)


def _ladder(rows: list[Row]) -> Figure:
    whole = [row for row in rows if row["part"] == "whole"]
    row = max(whole, key=lambda each: each[LEVEL])
    figure = Figure(figsize=(4.6, 2.8), layout="constrained")
    axis = figure.subplots()
    steps = [str(step) for step in range(len(row["sizes"]))]
    axis.bar(steps, row["sizes"], label="found")
    spread = [2 * value for value in row["expected_sd"]]
    axis.errorbar(
        steps, row["expected"], yerr=spread, fmt="_", color=COLOURS[1], markersize=14, label="independent masks"
    )
    axis.set_yscale("log")
    axis.set_xlabel(f"kept by exactly so many of {len(steps) - 1} languages, {row[LEVEL]:.1%} sparsity")
    axis.set_ylabel("weights")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _topology(rows: list[Row]) -> Figure:
    row = max(rows, key=lambda each: each[LEVEL])
    names = row["measures"]
    figure = Figure(figsize=(5.2, 1.0 + 0.28 * len(names)), layout="constrained")
    axis = figure.subplots()
    axis.hlines(names, row["low"], row["high"], color=COLOURS[0], linewidth=1)
    for at, (label, column) in enumerate(
        (("two languages", "mean"), ("chance", "chance"), ("one language, other seeds", "ceiling"))
    ):
        x = [float("nan") if value is None else value for value in row[column]]
        axis.plot(x, names, MARKERS[at], color=COLOURS[at], label=label)
    axis.invert_yaxis()
    axis.set_xlabel(f"overlap at {row[LEVEL]:.1%} sparsity")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


PICTURES: dict[str, Callable[[list[Row]], Figure | None]] = {
    "trajectories": _trajectories,
    "overlap": _overlap,
    "layers": _layers,
    "heads": _heads,
    "tree": _tree,
    "graph": _graph,
    "ladder": _ladder,
    "topology": _topology,
    **TRANSFER_PICTURES,
    **PARALLEL_PICTURES,
}
SOURCES = {
    "trajectories": "trajectories", "overlap": "overlaps", "layers": "overlaps", "heads": "heads",
    "tree": "relatedness", "graph": "relatedness", "ladder": "ladders", "topology": "topologies",
    **{name: name for name in TRANSFER_PICTURES}, "similarity": "similarity",
    **{name: name.split("-")[0] for name in PARALLEL_PICTURES},
}  # fmt: skip
