"""find: the ticket of one language and task, from the run's folder if it is there already."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from subnets.progress import Progress
from subnets.settings import Settings
from subnets.tables import trajectory_table, verdict
from subnets.workspace import Folder, claim, held, run_folder


def run(settings: Settings) -> float:
    """Finds the ticket, or shows the one found before, and says where everything lies.

    Returns:
        The ticket's score on validation, or the dense score where there is no ticket.
    """
    rank = int(os.environ.get("RANK", "0"))
    progress = Progress(speaks=rank == 0)
    folder = run_folder(settings)
    progress.say(
        f"find: task={settings.task.name} lang={settings.lang} model={settings.model_label} "
        f"data={settings.data.source} seed={settings.seed}"
    )
    results = _finished(settings, folder)
    if results is not None:
        progress.say("this run is done; nothing was computed")
    elif rank == 0:
        with held(folder):
            claim(folder, settings)
            results = _search(settings, folder, progress)
    else:
        results = _search(settings, folder, progress)
    _show(results, folder, progress)
    best = results["ticket"] or results["dense"]
    return float(best["score"])


def _finished(settings: Settings, folder: Folder) -> dict[str, Any] | None:
    """The results of a run that has everything asked for."""
    if not folder.has("results.json"):
        return None
    claim(folder, settings)
    results = folder.read_json("results.json")
    return results if set(settings.controls) <= results["controls"].keys() else None


def _search(settings: Settings, folder: Folder, progress: Progress) -> dict[str, Any]:
    # The libraries that compute take seconds to import; showing a finished run does not need them.
    results: dict[str, Any] = import_module("subnets.search").search(settings, folder, progress=progress)
    return results


def _show(results: dict[str, Any], folder: Folder, progress: Progress) -> None:
    progress.say()
    progress.say(trajectory_table(results))
    progress.say()
    progress.say(verdict(results))
    progress.say(f"run folder: {folder.path}")
