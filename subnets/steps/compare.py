"""compare: the masks of a task's finished runs beside each other, beside chance, floor and ceiling."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from subnets.catalogue import FinishedRun, finished_runs, one_of_each
from subnets.errors import InputError
from subnets.late import imported
from subnets.pair_table import distance_tables
from subnets.progress import Progress
from subnets.settings import EVERY, Settings
from subnets.tables import csv_bytes, extremes, language_table, overview_table
from subnets.workspace import Folder, alone_in, check_writable, comparison_folder, text_of

if TYPE_CHECKING:
    from subnets.comparison import Comparison  # with torch: seconds

TABLES = {
    "overview.csv": "overview",
    "overlap.csv": "pairs",
    "languages.csv": "languages",
    "ladder.csv": "ladders",
    "topology.csv": "topologies",
    "relatedness.csv": "relations",
}


def run(settings: Settings) -> float:
    """Compares, writes the tables and shows the sparsest level.

    Returns:
        The mean over pairs of languages there (other seeds where there are such) of the measure asked for.
    """
    progress, folder = Progress(speaks=True), comparison_folder(settings)
    runs, left_out = one_of_each(_chosen(settings))
    progress.say(f"compare: {len(runs)} runs of task={settings.task.name} model={settings.model_label}")
    check_writable(folder)
    distances = distance_tables({place: text_of(place) for place in settings.compare.distances})
    comparison = imported("subnets.comparison")
    imported("subnets.devices").set_threads(settings)
    found = comparison.compare(runs, settings.compare, distances=distances, say=progress.say)
    found.warnings.extend(left_out)
    with alone_in(folder, waiting=progress.say):  # all of one comparison
        for name, table in TABLES.items():
            folder.write(name, csv_bytes(getattr(found, table)))
        folder.write_json("warnings.json", found.warnings)
    return _show(found, settings.compare.measure, progress, folder)


def _chosen(settings: Settings) -> list[FinishedRun]:
    """The finished runs of the task, of the languages asked for.

    Raises:
        InputError: there are none, or none of a language asked for.
    """
    runs = finished_runs(settings.runs_dir, model=settings.model_label, task=settings.task.name)
    if settings.lang != EVERY:
        missing = sorted(set(settings.languages) - {run.lang for run in runs})
        if missing:
            raise InputError(f"lang={settings.lang}: no finished run of {', '.join(missing)} in {settings.runs_dir}")
        runs = [run for run in runs if run.lang in settings.languages]
    if len(runs) < 2:
        raise InputError(
            f"runs_dir={settings.runs_dir}: found {len(runs)} finished runs of model={settings.model_label} "
            f"task={settings.task.name}; a comparison needs at least 2 (step=find makes them)"
        )
    return runs


def _show(found: Comparison, measure: str, progress: Progress, folder: Folder) -> float:
    whole = [row for row in found.languages if row["kind"] == "whole"]
    if not whole:
        progress.say(f"tables: {folder.path}: {', '.join(TABLES)} (compare.parts without whole: nothing to show)")
        return 0.0
    sparsest = max(row["sparsity"] for row in whole)
    level = [row for row in whole if row["sparsity"] == sparsest]
    progress.say()
    progress.say(f"sparsity {sparsest:.4f}")
    progress.say(language_table(level, measure))
    progress.say()
    progress.say(overview_table([row for row in found.overview if row["sparsity"] == sparsest]))
    for line in [extremes(level, measure), *(f"warning: {each}" for each in found.warnings)]:
        if line:
            progress.say(line)
    progress.say(f"tables: {folder.path}: {', '.join(TABLES)}")
    of_measure = [row for row in level if row["measure"] == measure and row["left"] != row["right"]]
    others = [row["mean"] for row in of_measure if row["seeds"] == "other"] or [row["mean"] for row in of_measure]
    return statistics.fmean(others) if others else 1.0
