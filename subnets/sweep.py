"""The cells of a sweep: one that fails is written down and does not stop the others; at the end all failures are told.

A worker may run on another machine, so failures reach the main process through files in the sweep's folder.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from subnets.cells import cell_name, cell_of, note_failure
from subnets.errors import INPUT_ERRORS, Busy, RunFailed
from subnets.settings import Settings
from subnets.workspace import Folder

OPEN: list[Path] = []  # the folder of the sweep that this process leads, as Hydra tells it at its start
BEST = "optimization_results.yaml"  # as Hydra's Optuna sweeper writes it


class Leading(Callback):
    """What Hydra calls in the process that leads a sweep, before the first cell."""

    def on_multirun_start(self, config: DictConfig, **_more: Any) -> None:
        """Keeps the place of the sweep."""
        OPEN.append(Path(config.hydra.sweep.dir))


@dataclass(frozen=True)
class Failure:
    """A cell that failed.

    Attributes:
        name: what tells it from the others.
        message: one line.
        by_input: a setting or the data was wrong.
    """

    name: str
    message: str
    by_input: bool


@dataclass(frozen=True)
class Attempt:
    """A cell about to run: its place among the cells of its sweep, and what was said of it.

    Attributes:
        folder: of the sweep.
        number: of the cell.
        overrides: of the cell.
        raises: whether the sweeper wants to see what went wrong.
    """

    folder: Path
    number: int
    overrides: tuple[str, ...]
    raises: bool

    def carry_out(self, made: Callable[[], Settings], run: Callable[[Settings], float | None]) -> float | None:
        """Runs the cell; None where it failed, or where another process is at it."""
        settings = None
        try:
            settings = made()
            return run(settings)
        except BrokenPipeError:
            raise  # nobody reads on
        except Busy as problem:
            _say(f"skipped: {self._name(settings)}: {problem}")
            if self.raises:
                raise
        except Exception as problem:  # memory, a library's own error: the other cells still run
            self._note(problem, settings)
            if self.raises:
                raise
        return None

    def _note(self, problem: Exception, settings: Settings | None) -> None:
        expected = isinstance(problem, (*INPUT_ERRORS, RunFailed))
        said = str(problem) if expected else f"{type(problem).__name__}: {problem}"
        message = " ".join(said.split())
        failure = Failure(self._name(settings), message, isinstance(problem, INPUT_ERRORS))
        _say(f"failed: {failure.name}: {message}")
        if os.environ.get("RANK", "0") != "0":
            return
        with suppress(OSError):  # a full disk is perhaps what went wrong
            Folder(self.folder / "failed").write_json(f"{self.number}.json", asdict(failure))
            cell = cell_of(settings) if settings else None
            if cell:
                details = None if expected else "".join(traceback.format_exception(problem))
                note_failure(cell.folder, message, overrides=self.overrides, traceback=details)

    def _name(self, settings: Settings | None) -> str:
        return " ".join(self.overrides) if settings is None else cell_name(settings)


def close(folder: Path) -> list[Failure]:
    """Takes a sweep's folder away but for what the launcher's logs and the sweeper's results are.

    Returns:
        The cells that failed, in order.
    """
    notes = sorted((folder / "failed").glob("*.json"), key=lambda path: int(path.stem))
    failures = [Failure(**json.loads(note.read_text())) for note in notes]
    for note in notes:
        note.unlink()
    (folder / "multirun.yaml").unlink(missing_ok=True)
    for left in (*folder.glob("*"), folder, folder.parent):
        with suppress(OSError):  # not empty, or no folder
            left.rmdir()
    return failures


def best_of(folder: Path) -> str | None:
    """What an Optuna sweep found best, in one line."""
    place = folder / BEST
    if not place.is_file():
        return None
    found: dict[str, Any] = yaml.safe_load(place.read_text())
    if "best_params" not in found:  # several numbers were optimised: a front, not a best
        return f"solutions: {place}"
    values = " ".join(f"{key}={value}" for key, value in found["best_params"].items())
    return f"best: {values}: {found['best_value']:.4f}  ({place})"


def _say(line: str) -> None:
    print(f"subnets: {line}", file=sys.stderr, flush=True)
