"""study: an experiment's stages one after the other, each as a sweep; what is done is not computed again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from subnets.arguments import key_of
from subnets.errors import InputError, RunFailed
from subnets.progress import Progress
from subnets.settings import Settings
from subnets.study import Stage, command_of, stages_of
from subnets.workspace import Folder, check_writable

LOOKED_EVERY = 5  # seconds
INSTEAD = {"lang": "study.languages", "seed": "study.seeds"}


def run(settings: Settings) -> float:
    """Computes all cells of a study that are not done.

    Returns:
        How many cells are done.

    Raises:
        InputError: there is no study, or one of its cells could not be run as it stands.
        RunFailed: cells failed; which.
    """
    progress = Progress(speaks=True)
    stages = stages_of(settings)
    _check(settings, stages)
    states = [cell.state for stage in stages for cell in stage.states() if cell]
    progress.say(f"study: {len(stages)} sweeps, {len(states)} cells; {states.count('done')} done before")
    problems = []
    for number, stage in enumerate(stages, start=1):
        label = f"{stage.step} {stage.task}"
        count = len(stage.cells)
        size = f"{count} cell{'s'[: count > 1]}" + (", all done" if stage.left() is None else "")
        progress.say(f"sweep {number} of {len(stages)}: {label}: {size}")
        code = _computed(stage, settings, progress)
        if code and not _failed([stage]):
            problems.append(f"{label}: the sweep ended with exit code {code}")
    problems = [*_failed(stages), *problems]
    if problems:
        raise RunFailed(
            f"{len(problems)} failed; the same command tries them again:" + "".join(f"\n  {each}" for each in problems)
        )
    done = sum(cell.state == "done" for stage in stages for cell in stage.states() if cell)
    progress.say(f"study: {done} of {len(states)} cells done")
    return float(done)


def _check(settings: Settings, stages: Sequence[Stage]) -> None:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("a study starts programs of its own: start it without torchrun")
    check_writable(Folder(Path(settings.runs_dir).expanduser()))
    said = {key_of(override) for override in settings.overrides}
    for key, instead in INSTEAD.items():
        if key in said and any(key in stage.values for stage in stages):
            raise InputError(f"{key}: this study takes it from {instead}; say for example {instead}=[...]")


def _failed(stages: Sequence[Stage]) -> list[str]:
    found = {}
    for stage in stages:
        for cell in stage.states():
            if cell and cell.state == "failed":
                found[cell.folder.path] = f"{cell.name}: {cell.message}"
    return list(found.values())


def _computed(stage: Stage, settings: Settings, progress: Progress) -> int:
    """Computes what is left of a stage; what other processes are at is waited for, as later stages need it.

    Returns:
        The last sweep's exit code.
    """
    code = 0
    while (left := stage.left()) is not None:
        code = _swept(command_of(stage, settings.overrides, left))
        elsewhere = _running(stage)
        if not elsewhere:
            break
        progress.say(f"waiting for {elsewhere} cells that other processes are at")
        while _running(stage):
            time.sleep(LOOKED_EVERY)
    return code


def _running(stage: Stage) -> int:
    return sum(cell.state == "running" for cell in stage.states() if cell)


def _swept(arguments: Sequence[str]) -> int:
    """Runs one sweep as a program of its own, and stops it when this one is stopped."""
    with subprocess.Popen([sys.executable, "-m", "subnets.run", *arguments]) as sweep:
        try:
            return sweep.wait()
        except KeyboardInterrupt:
            # Ctrl-C on a terminal has reached the sweep too, and a second signal would disturb its leave-taking.
            with suppress(subprocess.TimeoutExpired):
                sweep.wait(2)
            sweep.terminate()
            sweep.wait()
            raise
