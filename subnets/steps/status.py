"""status: how far a study, or everything in the runs folder, is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from subnets.cells import STATES, Cell, cell_of, cells_in
from subnets.progress import Progress
from subnets.settings import EVERY, Settings
from subnets.study import stages_of
from subnets.tables import Row, count_table

SHOWN = 40  # cells of a state that are listed one by one
SHOWN_MESSAGE = 100


def run(settings: Settings) -> float:
    """Shows it.

    Returns:
        How many cells are done.
    """
    progress = Progress(speaks=True)
    if settings.in_sweep and settings.lang != EVERY:
        cell = cell_of(settings, step="find")
        if cell is not None:
            progress.say(f"{cell.state:<9}{cell.name}  {cell.folder.path}")
        return float(cell is not None and cell.state == "done")
    if settings.study.stages:
        cells = _expected(settings)
    else:
        cells = list(cells_in(settings.runs_dir, task="*" if settings.every_task else settings.task.name))
    if settings.lang != EVERY:
        cells = [cell for cell in cells if _is_of(cell, (settings.lang, *settings.languages))]
    if not cells:
        progress.say(f"status: nothing of it in runs_dir={settings.runs_dir}")
        return 0.0
    progress.say(count_table(_counts(cells)))
    for line in _not_done(cells):
        progress.say(line)
    return float(sum(cell.state == "done" for cell in cells))


def _is_of(cell: Cell, languages: Sequence[str]) -> bool:
    """Whether a cell is of one of the languages; those of parallel sentences are of a language and its pivot."""
    return any(cell.lang == lang or cell.lang.startswith(f"{lang}-") for lang in languages)


def _expected(settings: Settings) -> list[Cell]:
    """Every cell of a study once, in the order of its stages."""
    cells = (cell for stage in stages_of(settings) for cell in stage.states() if cell)
    return list({cell.folder.path: cell for cell in cells}.values())


def _counts(cells: Sequence[Cell]) -> list[Row]:
    """How many cells of each model, task and step are in which state; states that occur nowhere are left out."""
    counts = Counter((cell.model, cell.task, cell.step, cell.state) for cell in cells)
    states = [state for state in STATES if state == "done" or any(key[3] == state for key in counts)]
    groups = dict.fromkeys((cell.model, cell.task, cell.step) for cell in cells)
    rows: list[Row] = [
        {"model": group[0], "task": group[1], "step": group[2], **{state: counts[*group, state] for state in states}}
        for group in groups
    ]
    total = {state: sum(row[state] for row in rows) for state in states}
    return rows if len(rows) == 1 else [*rows, {"model": "all", "task": "", "step": "", **total}]


def _not_done(cells: Sequence[Cell]) -> Iterator[str]:
    for state in STATES[1:]:
        found = [cell for cell in cells if cell.state == state]
        for cell in found[:SHOWN]:
            message = f": {cell.message[:SHOWN_MESSAGE]}" if cell.message else ""
            yield f"{state:<9}{cell.name}{message}"
        if len(found) > SHOWN:
            yield f"{state:<9}and {len(found) - SHOWN} more"
