"""report: everything finished as one page, with its figures and tables beside it as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol, TypeVar

from subnets.catalogue import FinishedRun, Kept, finished_runs, one_of_each
from subnets.errors import INPUT_ERRORS, InputError
from subnets.late import imported
from subnets.pair_table import distance_tables
from subnets.parallel_means import one_way_of_each, retrieved, similar
from subnets.parallel_results import Finished, RetrievalRow, SimilarityRow, finished_retrievals, finished_similarities
from subnets.progress import Progress
from subnets.report import parallel_tables, summary, transfer_tables, wording
from subnets.report.beside_paper import agreements, beside_paper, worlds_apart
from subnets.report.content import Compared, content_of
from subnets.report.matrix_content import Tried, tried_content
from subnets.report.other_masks import by_score
from subnets.report.page import Page, Section, page_of
from subnets.report.parallel_content import Looked, parallel_content
from subnets.report.pictures import SOURCES, pictures_of
from subnets.report.trajectories import Trajectory, trajectories
from subnets.settings import EVERY, Settings
from subnets.tables import Row, csv_bytes, latex
from subnets.transfer_means import Transferred, by_source, over_seeds, summaries
from subnets.transfers import FinishedTransfer, finished_transfers, one_of_each_transfer
from subnets.workspace import Folder, alone_in, check_writable, report_folder, text_of


class Result(Kept, Protocol):
    """Anything finished that the report can show."""

    @property
    def model(self) -> str:
        """The label of the base."""

    @property
    def task(self) -> str:
        """Of the run or target."""

    @property
    def lang(self) -> str:
        """Of the run or target."""


T = TypeVar("T", bound=Result)

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
    "retrieval": (
        "Translations found",
        "How often a sentence's translation is found among all by the base inside a mask, untrained, layer by layer. "
        "Beside the mask stand the dense base, the one-shot mask and a random mask of its sparsity, and chance.",
    ),
    "similarity": (
        "Similarity of representations",
        "How alike a sentence and its translation are represented by the first token ([CLS]) of the base inside a "
        "mask, untrained. With few sentences chance alone gives much: dotted, what sentences paired at random give.",
    ),
    "beside": (
        "Beside the paper",
        "How much better than dense, or than the own ticket: here, and in Foroutan et al. 2022, cell by cell. Points "
        "in the lower left and upper right agree in sign.",
    ),
}


@dataclass(frozen=True)
class _Finished:
    """All that is finished of what was asked for.

    Attributes:
        every: all runs; `runs` those of them that are shown.
        left_out: what is not shown beside others of its kind, in words.
    """

    every: Sequence[FinishedRun]
    runs: Sequence[FinishedRun]
    transfers: Sequence[FinishedTransfer]
    retrievals: Sequence[Finished[RetrievalRow]]
    similarities: Sequence[Finished[SimilarityRow]]
    left_out: Sequence[str]

    @property
    def shown(self) -> list[Result]:
        """All that is shown, of whatever kind."""
        return [*self.runs, *self.transfers, *self.retrievals, *self.similarities]


def run(settings: Settings) -> float:
    """Writes the report.

    Returns:
        How many runs it is about.
    """
    progress, folder = Progress(speaks=True), report_folder(settings)
    finished = _finished(settings)
    confidence, resamples = settings.compare.confidence, settings.compare.resamples
    cells = over_seeds(
        finished.transfers, confidence=confidence, resamples=resamples, bootstrap=settings.transfer.confidence
    )
    progress.say(f"report: {'; '.join(_counts(finished, cells))} in {settings.runs_dir}")
    check_writable(folder)
    found = trajectories(finished.runs, confidence=confidence, resamples=resamples)
    compared, problems = _compared(finished.runs, settings, progress)
    tried = _tried(finished, found, cells, settings)
    looked = Looked(
        retrieved(finished.retrievals, confidence=confidence, resamples=resamples),
        similar(finished.similarities, confidence=confidence, resamples=resamples),
    )
    content = content_of(found, compared) | tried_content(tried) | parallel_content(looked)
    page = _page(finished, found, compared, tried, looked, content, problems, confidence=confidence)
    with alone_in(folder, waiting=progress.say):  # all of one report
        count = _write_tables(folder, found, compared, tried, looked)
        pictures = list(pictures_of(content))
        for name, kinds in pictures:
            for kind, data in kinds.items():
                (folder / "figures").write(f"{name}.{kind}", data)
        folder.write("report.html", page_of(page, content).encode())
    progress.say(f"page: {folder.path / 'report.html'}")
    progress.say(f"beside it: {len(pictures)} figures as PNG and SVG, {count} tables as CSV and LaTeX")
    return float(len(finished.runs))


def _counts(finished: _Finished, cells: Sequence[Transferred]) -> list[str]:
    counts = {
        "runs": finished.runs,
        "cells of transfers": cells,
        "retrievals": finished.retrievals,
        "similarities": finished.similarities,
    }
    return [f"{len(each)} {name}" for name, each in counts.items() if each]


def _write_tables(
    folder: Folder, found: Sequence[Trajectory], compared: Sequence[Compared], tried: Tried, looked: Looked
) -> int:
    """Every table as CSV with all its numbers and as LaTeX as a paper shows it; those of runs, where there are runs.

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
    more = transfer_tables.tables_of(tried) | parallel_tables.tables_of(looked)
    tables = (tables if found else {}) | {name: each for name, each in more.items() if each[0]}
    for name, (rows, in_papers) in tables.items():
        (folder / "tables").write(f"{name}.csv", csv_bytes(rows))
        (folder / "tables").write(f"{name}.tex", latex(in_papers).encode())
    return len(tables)


def _finished(settings: Settings) -> _Finished:
    """What is finished of the task and languages asked for, or of all.

    Raises:
        InputError: nothing is, or nothing of a language that is named; files are not those of what they should be.
    """
    task = None if settings.every_task else settings.task.name

    def asked(find: Callable[..., Sequence[T]]) -> list[T]:
        found = find(settings.runs_dir, task=task)
        return [each for each in found if settings.asks_for(each.lang)]

    every = asked(finished_runs)
    runs, runs_left_out = one_of_each(every)
    transfers, transfers_left_out = one_of_each_transfer(asked(finished_transfers))
    retrievals, retrievals_left_out = one_way_of_each(asked(finished_retrievals))
    similarities, similarities_left_out = one_way_of_each(asked(finished_similarities))
    left_out = [*runs_left_out, *transfers_left_out, *retrievals_left_out, *similarities_left_out]
    found = _Finished(every, runs, transfers, retrievals, similarities, left_out)
    if not found.shown:
        said = "" if settings.every_task else f" task={settings.task.name}"
        raise InputError(
            f"runs_dir={settings.runs_dir}: found no finished run{said} lang={settings.lang}; step=find makes them"
        )
    there = {lang for each in found.shown for lang in each.lang.split("+")}
    if settings.lang != EVERY and (missing := sorted(set(settings.languages) - there)):
        raise InputError(f"lang={settings.lang}: nothing of {', '.join(missing)} is finished in {settings.runs_dir}")
    return found


def _tried(finished: _Finished, found: Sequence[Trajectory], cells: Sequence[Transferred], settings: Settings) -> Tried:
    confidence, resamples = settings.compare.confidence, settings.compare.resamples
    beside = beside_paper(found, cells)
    of_model: dict[str, list[Result]] = {}
    for each in finished.runs or finished.transfers:
        of_model.setdefault(each.model, []).append(each)
    return Tried(
        cells=cells,
        sources=by_source(cells, confidence=confidence, resamples=resamples),
        summaries=summaries(cells),
        by_score=by_score(finished.every, confidence=confidence, resamples=resamples),
        beside=beside,
        agreements=agreements(beside),
        worlds={model: worlds_apart(results) for model, results in sorted(of_model.items())},
    )


def _compared(runs: Sequence[FinishedRun], settings: Settings, progress: Progress) -> tuple[list[Compared], list[str]]:
    """The comparison of each model and task, and what could not be compared, in words."""
    if not runs:
        return [], []
    distances = distance_tables({place: text_of(place) for place in settings.compare.distances})
    compare = imported("subnets.comparison").compare
    imported("subnets.devices").set_threads(settings)
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
    finished: _Finished,
    found: Sequence[Trajectory],
    compared: Sequence[Compared],
    tried: Tried,
    looked: Looked,
    content: dict[str, list[Row]],
    problems: Sequence[str],
    *,
    confidence: float,
) -> Page:
    runs, shown = finished.runs, finished.shown
    tables: dict[str, tuple[Sequence[Row], str, Sequence[Row]]] = {
        "trajectories": (summary.shown_outcomes(found), "Validation scores; intervals are over seeds", ()),
        "overlap": (summary.shown_overview(compared), "What two languages share, over all pairs of runs", ()),
        "graph": (summary.shown_relatedness(compared), "How the languages stand to each other", ()),
        **transfer_tables.shown(tried),
        **parallel_tables.shown(looked),
    }
    sections = [
        Section(name, title, text, *tables.get(name, ((), "", ())))
        for name, (title, text) in FIGURES.items()
        if content[SOURCES[name]]
    ]
    tasks, langs = (sorted({getattr(each, name) for each in shown}) for name in ("task", "lang"))
    return Page(
        title=f"Subnetworks of {', '.join(sorted({each.model for each in shown}))}",
        lead=f"{'; '.join(_counts(finished, tried.cells))}: {', '.join(tasks)} in {', '.join(langs)}.",
        warnings=[
            *wording.warnings_of(runs, found, compared, finished.transfers, everything=shown),
            *finished.left_out,
            *problems,
        ],
        sections=sections,
        methods=[
            *wording.methods_of(runs, found, confidence=confidence),
            *wording.transfer_methods_of(finished.transfers, confidence=confidence),
            *wording.parallel_methods_of(looked, confidence=confidence),
        ],
        provenance=wording.provenance_of(runs),
        settings=wording.shared_settings(runs or shown),
        footer="Made by subnets; this page needs no network. Figures and tables lie beside it as files.",
    )
