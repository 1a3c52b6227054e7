"""report: everything finished as one page, with its figures and tables beside it as files."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from itertools import groupby

from subnets.catalogue import FinishedRun, finished_runs, one_of_each
from subnets.errors import INPUT_ERRORS, InputError
from subnets.pair_table import distance_tables
from subnets.progress import Progress
from subnets.report import summary, transfer_tables, wording
from subnets.report.beside_paper import agreements, beside_paper, worlds_apart
from subnets.report.content import Compared, content_of
from subnets.report.matrix_content import Tried, tried_content
from subnets.report.other_masks import by_score
from subnets.report.page import Page, Section, page_of
from subnets.report.pictures import SOURCES, pictures_of
from subnets.report.trajectories import Trajectory, trajectories
from subnets.settings import Settings
from subnets.tables import Row, csv_bytes, latex
from subnets.transfer_means import Transferred, by_source, over_seeds, summaries
from subnets.transfers import FinishedTransfer, finished_transfers, one_of_each_transfer
from subnets.workspace import Folder, check_writable, report_folder, text_of

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
    "transfers": (
        "Transfer between languages",
        "A language trained inside another language's mask, less the same language in its own. Down: whose mask; "
        "along: the target. White is as good as the own mask.",
    ),
    "sources": (
        "What each source is worth",
        "The mean over other languages of what a language's mask is worth there, at every sparsity.",
    ),
    "cross_tasks": (
        "Transfer between tasks",
        "A task trained inside the mask that another task found in the same language, less the task's own mask.",
    ),
    "multilingual": (
        "Masks of several languages",
        "Masks found on several languages together, and on each of them alone, less the target's own mask.",
    ),
    "other_masks": (
        "Masks by other means",
        "Masks of the same runs but for what they are chosen by, less dense. Down: the score; along: the language.",
    ),
    "beside": (
        "Beside the paper",
        "How much better than dense, or than the own ticket: here, and in Foroutan et al. 2022, cell by cell. Points "
        "in the lower left and upper right agree in sign.",
    ),
}


def run(settings: Settings) -> float:
    """Writes the report.

    Returns:
        How many runs it is about.
    """
    progress, folder = Progress(speaks=True), report_folder(settings)
    every = _chosen(settings)
    runs, left_out = one_of_each(every)
    transfers, transfers_left_out = one_of_each_transfer(_transfers(settings))
    cells = over_seeds(
        transfers,
        confidence=settings.compare.confidence,
        resamples=settings.compare.resamples,
        bootstrap=settings.transfer.confidence,
    )
    progress.say(f"report: {len(runs)} runs and {len(cells)} cells of transfers in {settings.runs_dir}")
    check_writable(folder)
    found = trajectories(runs, confidence=settings.compare.confidence, resamples=settings.compare.resamples)
    compared, problems = _compared(runs, settings, progress)
    tried = _tried(every, found, cells, settings)
    content = content_of(found, compared) | tried_content(tried)
    count = _write_tables(folder, found, compared, tried)
    pictures = list(pictures_of(content))
    for name, kinds in pictures:
        for kind, data in kinds.items():
            (folder / "figures").write(f"{name}.{kind}", data)
    folder.write(
        "report.html",
        page_of(
            _page(
                runs,
                found,
                compared,
                tried,
                content,
                transfers,
                [
                    *wording.warnings_of(runs, found, compared, transfers),
                    *left_out,
                    *transfers_left_out,
                    *problems,
                ],
                confidence=settings.compare.confidence,
            ),
            content,
        ).encode(),
    )
    progress.say(f"page: {folder.path / 'report.html'}")
    progress.say(f"beside it: {len(pictures)} figures as PNG and SVG, {count} tables as CSV and LaTeX")
    return float(len(runs))


def _write_tables(folder: Folder, found: Sequence[Trajectory], compared: Sequence[Compared], tried: Tried) -> int:
    """Every table as CSV with all its numbers and as LaTeX as a paper shows it; those of transfers where there are any.

    Returns:
        How many.
    """
    tables = {
        "outcomes": (summary.outcome_rows(found), summary.paper_outcomes(found)),
        "overlap": (summary.overlap_rows(compared), summary.paper_overlaps(compared)),
    } | {
        name: (rows, rows)
        for name, rows in {
            "overview": summary.overview_rows(compared),
            "ladder": summary.ladder_rows(compared),
            "topology": summary.topology_table(compared),
            "relatedness": summary.relatedness_rows(compared),
        }.items()
    }
    tables |= {name: each for name, each in transfer_tables.tables_of(tried).items() if each[0]}
    for name, (rows, in_papers) in tables.items():
        (folder / "tables").write(f"{name}.csv", csv_bytes(rows))
        (folder / "tables").write(f"{name}.tex", latex(in_papers).encode())
    return len(tables)


def _transfers(settings: Settings) -> list[FinishedTransfer]:
    """The transfers of the task and target languages asked for, or of all."""
    found = finished_transfers(settings.runs_dir, task=None if settings.every_task else settings.task.name)
    return [each for each in found if settings.asks_for(each.lang)]


def _tried(
    runs: Sequence[FinishedRun], found: Sequence[Trajectory], cells: Sequence[Transferred], settings: Settings
) -> Tried:
    confidence, resamples = settings.compare.confidence, settings.compare.resamples
    beside = beside_paper(found, cells)
    return Tried(
        cells=cells,
        sources=by_source(cells, confidence=confidence, resamples=resamples),
        summaries=summaries(cells),
        by_score=by_score(runs, confidence=confidence, resamples=resamples),
        beside=beside,
        agreements=agreements(beside),
        worlds={
            model: worlds_apart([run for run in runs if run.model == model])
            for model in sorted({run.model for run in runs})
        },
    )


def _chosen(settings: Settings) -> list[FinishedRun]:
    """The finished runs of the task and languages asked for, or of all.

    Raises:
        InputError: there are none.
    """
    found = finished_runs(settings.runs_dir, task=None if settings.every_task else settings.task.name)
    runs = [run for run in found if settings.asks_for(run.lang)]
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
    found: Sequence[Trajectory],
    compared: Sequence[Compared],
    tried: Tried,
    content: dict[str, list[Row]],
    transfers: Sequence[FinishedTransfer],
    warnings: Sequence[str],
    *,
    confidence: float,
) -> Page:
    models, tasks, langs = (sorted({getattr(run, name) for run in runs}) for name in ("model", "task", "lang"))
    tables: dict[str, tuple[Sequence[Row], str, Sequence[Row]]] = {
        "trajectories": (summary.shown_outcomes(found), "Validation scores; intervals are over seeds", ()),
        "overlap": (summary.shown_overview(compared), "What two languages share, over all pairs of runs", ()),
        "graph": (summary.shown_relatedness(compared), "How the languages stand to each other", ()),
        **transfer_tables.shown(tried),
    }
    sections = [
        Section(name, title, text, *tables.get(name, ((), "", ())))
        for name, (title, text) in FIGURES.items()
        if content[SOURCES[name]]
    ]
    return Page(
        title=f"Subnetworks of {', '.join(models)}",
        lead=f"{len(runs)} runs: {', '.join(tasks)} in {', '.join(langs)}."
        + (f" {len(tried.cells)} cells of transfers." if tried.cells else ""),
        warnings=warnings,
        sections=sections,
        methods=[
            *wording.methods_of(runs, found, confidence=confidence),
            *wording.transfer_methods_of(transfers, confidence=confidence),
        ],
        provenance=wording.provenance_of(runs),
        settings=wording.shared_settings(runs),
        footer="Made by subnets; this page needs no network. Figures and tables lie beside it as files.",
    )
