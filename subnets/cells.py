"""The cells of a study: where each step keeps its own, how far one is, and what is written of one that failed."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from subnets.errors import InputError
from subnets.settings import OF_MANY, Settings
from subnets.workspace import (
    SETTINGS,
    Folder,
    comparison_folder,
    is_held,
    parallel_folder,
    pretraining_folder,
    report_folder,
    run_folder,
    transfer_folder,
)

FAILED = "failed.json"
STATES = ("done", "running", "failed", "stopped", "missing")


@dataclass(frozen=True)
class Kept:
    """Where a step keeps what it makes.

    Attributes:
        folder: that of given settings.
        finished: the file that is written last.
        places: where such folders lie in the runs folder, as a pattern of model, task and lang.
        has_all: whether a finished cell has all that settings ask of it, where they may ask for more later.
    """

    folder: Callable[[Settings], Folder]
    finished: str
    places: str | None = None
    has_all: Callable[[Settings, Folder], bool] = lambda _settings, _folder: True


def _has_controls(settings: Settings, folder: Folder) -> bool:
    return set(settings.controls) <= _names(folder, "controls")


def _has_baselines(settings: Settings, folder: Folder) -> bool:
    asked, found = _names(folder, "asked"), _names(folder, "baselines")
    return settings.transfer.has_all(asked=asked, found=found)


def _names(folder: Folder, key: str) -> set[str]:
    """What finished results have under a key; nothing where they are damaged, of which the step itself will tell."""
    try:
        return set(folder.read_json("results.json")[key])
    except (InputError, KeyError, TypeError, OSError):
        return set()


CELLS: dict[str, Kept] = {
    "find": Kept(run_folder, "results.json", "{model}/{task}/{lang}/seed*-*", _has_controls),
    "transfer": Kept(transfer_folder, "results.json", "{model}/{task}/{lang}/transfer/seed*-*", _has_baselines),
    **{
        step: Kept(partial(parallel_folder, step=step), "results.json", f"{{model}}/{{task}}/{step}/{{lang}}/*-*")
        for step in ("retrieve", "correlate")
    },
    "pretrain": Kept(pretraining_folder, "results.json", "pretrained/{lang}/seed*-*"),
    "compare": Kept(comparison_folder, "warnings.json"),
    "report": Kept(report_folder, "report.html"),
}


@dataclass(frozen=True)
class Cell:
    """One piece of a study and how far it is: done, running, failed, stopped (begun, and nobody is at it), missing."""

    name: str
    step: str
    model: str
    task: str
    lang: str
    folder: Folder
    state: str

    @property
    def message(self) -> str:
        """Why it failed; empty where it did not."""
        if self.state != "failed":
            return ""
        try:
            return str(self.folder.read_json(FAILED)["message"])
        except (InputError, KeyError, TypeError, OSError):
            return f"{FAILED} cannot be read"


def cell_of(settings: Settings, *, step: str | None = None) -> Cell | None:
    """The cell of settings; None for a step that keeps nothing in the runs folder."""
    step = step or settings.step
    if step not in CELLS:
        return None
    folder = CELLS[step].folder(settings)
    state = state_of(folder, step)
    if state == "done" and not CELLS[step].has_all(settings, folder):
        state = "stopped"
    name = cell_name(settings, step=step)
    return Cell(name, step, settings.model_label, settings.task.name, settings.lang, folder, state)


def cell_name(settings: Settings, *, step: str | None = None) -> str:
    """What tells a cell from the others of its study."""
    source, step = settings.source, step or settings.step
    if step in OF_MANY:
        return f"{step} {settings.task.name} {settings.lang}"
    name = f"{step} {settings.task.name} {settings.lang} seed={settings.seed}"
    if source.mask is None and source.task is None:
        return name
    task = f"{source.task}/" if source.task else ""
    sparsity = f"@{source.sparsity:g}" if source.sparsity is not None else ""
    return f"{name} source={task}{source.mask or settings.lang}{sparsity}"


def cells_in(runs_dir: str, *, task: str = "*") -> Iterator[Cell]:
    """The cells that a runs folder has, of one task or of all, in order."""
    root = Path(runs_dir).expanduser()
    for step, kept in CELLS.items():
        if kept.places is None or (task != "*" and "{task}" not in kept.places):
            continue
        for path in sorted(root.glob(kept.places.format(model="*", task=task, lang="*"))):
            parts = dict(zip(kept.places.split("/"), path.relative_to(root).parts, strict=True))
            model, its_task, lang = (parts.get(f"{{{name}}}", "-") for name in ("model", "task", "lang"))
            name = f"{step} {its_task} {lang} {path.name}"
            yield Cell(name, step, model, its_task, lang, Folder(path), state_of(Folder(path), step))


def state_of(folder: Folder, step: str) -> str:
    """How far the cell in a folder is. A cell that failed is `failed` until it succeeds."""
    if is_held(folder):
        return "running"
    if folder.has(FAILED):
        return "failed"
    if folder.has(CELLS[step].finished):
        return "done"
    return "stopped" if folder.has(SETTINGS) else "missing"


def note_failure(folder: Folder, message: str, *, overrides: tuple[str, ...], traceback: str | None = None) -> None:
    """Writes down in a cell's folder that it failed, and how."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    note = {"message": message, "overrides": list(overrides), "host": socket.gethostname(), "time": now}
    folder.write_json(FAILED, note | ({"traceback": traceback} if traceback else {}))


def clear_failure(settings: Settings) -> None:
    """Removes what was written of a failure, as the cell has now succeeded."""
    if settings.step in CELLS and (folder := CELLS[settings.step].folder(settings)).has(FAILED):
        (folder.path / FAILED).unlink(missing_ok=True)  # not asked of a disk that can only be read, where none is
