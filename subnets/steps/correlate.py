"""correlate: how alike sub-networks, untrained, represent a sentence and its translation, layer by layer."""

from __future__ import annotations

import statistics

from subnets.late import imported
from subnets.parallel_results import CORRELATE, SUBNETWORKS, Compared, Finished, SimilarityRow, found_or_made
from subnets.progress import Progress
from subnets.settings import Settings
from subnets.source_masks import SourceMask
from subnets.tables import EMBEDDED, layer_table
from subnets.workspace import Folder

NOTHING_TOLD = 0.99
SHOWN = {
    "svcca": "SVCCA, mean canonical correlation of the leading directions",
    "pwcca": "PWCCA, weighted by the pivot's side",
    "cka": "linear CKA",
    "debiased_cka": "linear CKA, debiased",
}


def run(settings: Settings) -> float:
    """Holds the first token's vectors of lang against those of the pivot, or shows what was found before.

    Returns:
        The masked base's mean SVCCA over its layers; 0 where all vectors are the same.
    """
    progress = Progress(speaks=True)
    if settings.is_embedded:
        progress.say(f"note: {EMBEDDED}")
    progress.say(
        f"correlate: lang={settings.lang} pivot={settings.parallel.pivot} task={settings.task.name} "
        f"model={settings.model_label} data={settings.data.source}"
    )

    def make(source: SourceMask, folder: Folder) -> None:
        module = imported("subnets.parallel_spaces")
        module.compute(settings, CORRELATE, source=source, folder=folder, progress=progress)

    found = found_or_made(settings, CORRELATE, kind=Compared[SimilarityRow], make=make, say=progress.say)
    _show(found, progress)
    rows = [row for row in found.results.rows if (row.subnetwork, row.measure) == ("masked", "svcca")]
    values = [row.value for row in rows if row.value is not None]
    return float(statistics.fmean(values)) if values else 0.0


def _show(found: Finished[SimilarityRow], progress: Progress) -> None:
    results = found.results
    progress.say()
    progress.say(
        f"the first token of {results.sentences:,} sentences in {results.lang} and {results.pivot}; "
        f"sparsity {results.sparsity:.4f}; in brackets, what sentences paired at random give"
    )
    for measure, said in SHOWN.items():
        rows = [row for row in results.rows if row.measure == measure]
        cells: dict[tuple[int, str], str | None] = {(row.layer, row.subnetwork): _cell(row) for row in rows}
        progress.say()
        progress.say(said)
        progress.say(layer_table(cells, SUBNETWORKS))
    progress.say()
    progress.say("layer 0 is the embeddings; - : all vectors are the same there")
    if any(row.chance is not None and row.chance > NOTHING_TOLD for row in results.rows):
        progress.say(
            f"note: {results.sentences:,} sentences paired at random reach {NOTHING_TOLD} in some layer: there the "
            "value tells nothing; take more sentences than the base is wide, several times over"
        )
    progress.say(f"folder: {found.folder.path}")


def _cell(row: SimilarityRow) -> str | None:
    return None if row.value is None else f"{row.value:.3f} ({row.chance:.3f})"
