"""report: everything finished as one page, with its figures and tables beside it as files."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from itertools import groupby

from subnets.catalogue import FinishedRun, finished_runs, one_of_each
from subnets.errors import INPUT_ERRORS, InputError
from subnets.pair_table import distance_tables
from subnets.progress import Progress
from subnets.report import summary, wording
from subnets.report.content import Compared, content_of
from subnets.report.page import Page, Section, page_of
from subnets.report.pictures import SOURCES, pictures_of
from subnets.report.trajectories import Trajectory, trajectories
from subnets.settings import EVERY, Settings
from subnets.tables import Row, csv_bytes, latex
from subnets.workspace import check_writable, report_folder, text_of

FIGURES = {
    "trajectories": (
        "Trajectories",
        "Score by sparsity, over seeds. A ticket is the sparsest subnetwork that still does what the dense model does; "
        "its controls have as many weights: chosen at random, by the base's magnitudes (one-shot), and others by name.",
    ),
    "overlap": (
        "Overlap of the languages",
        "How much two languages' masks have in common. Read every value beside three others: what random masks would "
        "share (chance); what masks share that depart from the base's largest magnitudes as far as these do, but "
        "independently (floor); and what a language shares with itself under another seed (ceiling, on the diagonal).",
    ),
    "layers": ("Layer by layer", "The same along the layers of the encoder, or along its components."),
    "heads": ("Head by head", "Overlap within each attention head."),
    "tree": ("Clustering of the languages", "Languages joined in the order of their overlaps above chance."),
    "graph": ("Language graph", "The maximum spanning tree of the overlaps, and Louvain's communities."),
    "ladder": ("Shared by how many", "How many weights are kept by exactly so many languages, beside chance."),
    "topology": (
        "Topological overlap",
        "Whether masks wire the same units, carry the same paths and keep the same units alive.",
    ),
}


def run(settings: Settings) -> float:
    """Writes the report.

    Returns:
        How many runs it is about.
    """
    progress, folder = Progress(speaks=True), report_folder(settings)
    runs, left_out = one_of_each(_chosen(settings))
    progress.say(f"report: {len(runs)} runs in {settings.runs_dir}")
    check_writable(folder)
    over_seeds = trajectories(runs, confidence=settings.compare.confidence, resamples=settings.compare.resamples)
    compared, problems = _compared(runs, settings, progress)
    content = content_of(over_seeds, compared)
    tables = {
        "outcomes": summary.outcome_rows(over_seeds),
        "overview": summary.overview_rows(compared),
        "overlap": summary.overlap_rows(compared),
        "ladder": summary.ladder_rows(compared),
        "topology": summary.topology_table(compared),
        "relatedness": summary.relatedness_rows(compared),
    }
    for name, rows in tables.items():
        (folder / "tables").write(f"{name}.csv", csv_bytes(rows))
    in_papers = tables | {"outcomes": summary.paper_outcomes(over_seeds), "overlap": summary.paper_overlaps(compared)}
    for name, rows in in_papers.items():
        (folder / "tables").write(f"{name}.tex", latex(rows).encode())
    pictures = list(pictures_of(content))
    for name, kinds in pictures:
        for kind, data in kinds.items():
            (folder / "figures").write(f"{name}.{kind}", data)
    folder.write(
        "report.html",
        page_of(
            _page(runs, over_seeds, compared, content, [*left_out, *problems], confidence=settings.compare.confidence),
            content,
        ).encode(),
    )
    progress.say(f"page: {folder.path / 'report.html'}")
    progress.say(f"beside it: {len(pictures)} figures as PNG and SVG, {len(tables)} tables as CSV and LaTeX")
    return float(len(runs))


def _chosen(settings: Settings) -> list[FinishedRun]:
    """The finished runs of the task and languages asked for, or of all.

    Raises:
        InputError: there are none.
    """
    runs = finished_runs(settings.runs_dir, task=None if settings.every_task else settings.task.name)
    if settings.lang != EVERY:
        runs = [run for run in runs if run.lang in settings.languages]
    if not runs:
        asked = "" if settings.every_task else f" task={settings.task.name}"
        raise InputError(
            f"runs_dir={settings.runs_dir}: found no finished run{asked} lang={settings.lang}; step=find makes them"
        )
    return runs


def _compared(runs: Sequence[FinishedRun], settings: Settings, progress: Progress) -> tuple[list[Compared], list[str]]:
    """The comparison of each model and task, and what could not be compared, in words."""
    distances = distance_tables({place: text_of(place) for place in settings.compare.distances})
    compare = import_module("subnets.comparison").compare  # with torch: seconds
    found, problems = [], []
    for (model, task), each in groupby(runs, key=lambda run: (run.model, run.task)):
        progress.say(f"{model} {task}")
        try:
            comparison = compare(list(each), settings.compare, distances=distances, say=progress.say)
        except INPUT_ERRORS as problem:
            problems.append(f"{model} {task}: not compared: {problem}")
            progress.say(problems[-1])
            continue
        found.append(Compared(model, task, comparison))
    return found, problems


def _page(
    runs: Sequence[FinishedRun],
    over_seeds: Sequence[Trajectory],
    compared: Sequence[Compared],
    content: dict[str, list[Row]],
    problems: Sequence[str],
    *,
    confidence: float,
) -> Page:
    models, tasks, langs = (sorted({getattr(run, name) for run in runs}) for name in ("model", "task", "lang"))
    tables = {
        "trajectories": (summary.shown_outcomes(over_seeds), "Validation scores; intervals are over seeds"),
        "overlap": (summary.shown_overview(compared), "What two languages share, over all pairs of runs"),
        "graph": (summary.shown_relatedness(compared), "How the languages stand to each other"),
    }
    sections = [
        Section(name, title, text, *tables.get(name, ((), "")))
        for name, (title, text) in FIGURES.items()
        if content[SOURCES[name]]
    ]
    return Page(
        title=f"Subnetworks of {', '.join(models)}",
        lead=f"{len(runs)} runs: {', '.join(tasks)} in {', '.join(langs)}.",
        warnings=[*wording.warnings_of(runs, over_seeds, compared), *problems],
        sections=sections,
        methods=wording.methods_of(runs, over_seeds, confidence=confidence),
        provenance=wording.provenance_of(runs),
        settings=wording.shared_settings(runs),
        footer="Made by subnets; this page needs no network. Figures and tables lie beside it as files.",
    )
