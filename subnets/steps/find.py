"""find: the ticket of one language and task, from the run's folder if it is there already."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from subnets.catalogue import Results, results_in
from subnets.late import imported
from subnets.progress import Progress
from subnets.settings import Settings
from subnets.tables import EMBEDDED, trajectory_table, verdict
from subnets.workspace import Folder, check_kept, check_writable, run_folder


def run(settings: Settings) -> float:
    """Finds the ticket, or shows the one found before, and says where everything lies.

    Returns:
        The ticket's score on validation, or the dense score where there is no ticket.
    """
    rank = int(os.environ.get("RANK", "0"))
    progress = Progress(speaks=rank == 0)
    folder = run_folder(settings)
    if settings.is_embedded:
        progress.say(f"note: {EMBEDDED}")
    progress.say(
        f"find: task={settings.task.name} lang={settings.lang} model={settings.model_label} "
        f"data={settings.data.source} seed={settings.seed}"
    )
    results = _finished(settings, folder)
    if results is not None:
        progress.say("this run is done; nothing was computed")
    else:
        check_writable(folder)
        results = imported("subnets.search").search(settings, folder, progress=progress)
    _show(results, folder, progress)
    best = results["ticket"] or results["dense"]
    return float(best["score"])


def _finished(settings: Settings, folder: Folder) -> dict[str, Any] | None:
    """The results of a run that has everything asked for."""
    check_kept(folder, settings.identity())
    if not folder.has("results.json"):
        return None
    results = asdict(results_in(folder, Results))
    return results if set(settings.controls) <= results["controls"].keys() else None


def _show(results: dict[str, Any], folder: Folder, progress: Progress) -> None:
    progress.say()
    progress.say(trajectory_table(results))
    progress.say()
    progress.say(verdict(results))
    progress.say(f"run folder: {folder.path}")
