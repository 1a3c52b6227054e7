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
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from subnets.arguments import key_of
from subnets.cells import cell_name, cell_of, note_failure
from subnets.errors import INPUT_ERRORS, Busy, RunFailed, Stopped
from subnets.settings import Settings
from subnets.workspace import Folder

BEST = "optimization_results.yaml"  # as Hydra's Optuna sweeper writes it


@dataclass(frozen=True)
class Sweep:
    """A sweep: its folder, and the settings that differ from cell to cell."""

    folder: Path
    swept: frozenset[str]


LED: list[Sweep] = []  # by this process; one, where it leads a sweep


class Leading(Callback):
    """What Hydra calls in the process that leads a sweep, before the first cell."""

    def on_multirun_start(self, config: DictConfig, **_more: Any) -> None:
        """Keeps which sweep it is."""
        typed = OverridesParser.create().parse_overrides(list(config.hydra.overrides.task))
        swept = frozenset(key_of(each.input_line or "") for each in typed if each.is_sweep_override())
        LED.append(Sweep(Path(config.hydra.sweep.dir), swept))

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_more: Any) -> None:  # noqa: ARG002
        """Lets go of what a cell was asked, which Hydra keeps to the end of the sweep and nobody looks at."""
        job_return.cfg = job_return.hydra_cfg = None


@dataclass(frozen=True)
class Failure:
    """A cell that failed.

    Attributes:
        name: of the cell.
        message: one line.
        overrides: of the cell.
        by_input: a setting or the data was wrong.
    """

    name: str
    message: str
    overrides: list[str]
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
        except KeyboardInterrupt as stop:
            raise Stopped.within(self._name(settings), stop) from None
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
        failure = Failure(self._name(settings), message, list(self.overrides), isinstance(problem, INPUT_ERRORS))
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


def close(sweep: Sweep) -> list[Failure]:
    """Takes a sweep's folder away, but for a launcher's logs and a sweeper's results.

    Returns:
        The cells that failed, in order, each called by what tells it from the others.
    """
    folder = sweep.folder
    notes = sorted((folder / "failed").glob("*.json"), key=lambda path: int(path.stem))
    failures = [Failure(**json.loads(note.read_text())) for note in notes]
    for note in notes:
        note.unlink()
    (folder / "multirun.yaml").unlink(missing_ok=True)
    for left in (*sorted(folder.rglob("*"), reverse=True), folder, folder.parent):
        if left.is_dir():
            with suppress(OSError):  # not empty
                left.rmdir()
    return [replace(each, name=_told_apart(each, sweep.swept)) for each in failures]


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


def _told_apart(failure: Failure, swept: frozenset[str]) -> str:
    return " ".join(each for each in failure.overrides if key_of(each) in swept) or failure.name


def _say(line: str) -> None:
    print(f"subnets: {line}", file=sys.stderr, flush=True)
