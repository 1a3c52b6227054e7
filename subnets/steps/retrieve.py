"""retrieve: how well sub-networks, untrained, find the translations of sentences, layer by layer."""

from __future__ import annotations

from subnets.late import imported
from subnets.parallel_results import RETRIEVE, SUBNETWORKS, Compared, Finished, RetrievalRow, best_layer, found_or_made
from subnets.progress import Progress
from subnets.settings import Settings
from subnets.source_masks import SourceMask
from subnets.tables import EMBEDDED, layer_table
from subnets.workspace import Folder


def run(settings: Settings) -> float:
    """Retrieves sentences of lang from those of the pivot and back, or shows what was found before.

    Returns:
        The accuracy of the masked base's best layer, mean of both directions.
    """
    progress, top = Progress(speaks=True), settings.parallel.top
    if settings.is_embedded:
        progress.say(f"note: {EMBEDDED}")
    progress.say(
        f"retrieve: lang={settings.lang} pivot={settings.parallel.pivot} task={settings.task.name} "
        f"model={settings.model_label} data={settings.data.source}"
    )

    def make(source: SourceMask, folder: Folder) -> None:
        module = imported("subnets.parallel_spaces")
        module.compute(settings, RETRIEVE, source=source, folder=folder, progress=progress)

    found = found_or_made(settings, RETRIEVE, kind=Compared[RetrievalRow], make=make, say=progress.say)
    _show(found, top, progress)
    return float(best_layer(found.results.rows, "masked", top).accuracy)


def _show(found: Finished[RetrievalRow], top: int, progress: Progress) -> None:
    results = found.results
    rows = [row for row in results.rows if row.top == top]
    best, dense = (best_layer(rows, subnetwork, top) for subnetwork in ("masked", "dense"))
    progress.say()
    progress.say(
        f"translations among the best {top} of {results.sentences:,}, in percent, both directions; "
        f"sparsity {results.sparsity:.4f}"
    )
    cells: dict[tuple[int, str], str | None] = {(row.layer, row.subnetwork): f"{row.accuracy:.2f}" for row in rows}
    progress.say(layer_table(cells, SUBNETWORKS))
    progress.say(f"layer 0 is the embeddings; chance {best.chance:.2f}")
    progress.say()
    progress.say(
        f"masked does best in layer {best.layer}: {_sure(best.accuracy, best.low, best.high)}, "
        f"{_sure(best.beyond_dense, best.beyond_dense_low, best.beyond_dense_high, sign='+')} beside dense there; "
        f"dense in layer {dense.layer}: {_sure(dense.accuracy, dense.low, dense.high)}"
    )
    progress.say(f"folder: {found.folder.path}")


def _sure(value: float, low: float | None, high: float | None, *, sign: str = "") -> str:
    ends = "" if low is None or high is None else f" [{low:{sign}.2f}, {high:{sign}.2f}]"
    return f"{value:{sign}.2f}{ends}"
