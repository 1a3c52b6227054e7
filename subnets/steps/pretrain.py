"""pretrain: a base of one's own from texts in several languages, with checkpoints along the way."""

from __future__ import annotations

import os

from subnets.late import imported
from subnets.progress import Progress
from subnets.settings import Settings
from subnets.workspace import check_writable, pretraining_folder


def run(settings: Settings) -> float:
    """Pre-trains, or shows what was pre-trained before.

    Returns:
        The mean over the languages of the logarithm of the perplexity on validation, in nats.
    """
    progress = Progress(speaks=os.environ.get("RANK", "0") == "0")
    folder = pretraining_folder(settings)
    progress.say(f"pretrain: lang={settings.lang} data={settings.data.source} seed={settings.seed}")
    check_writable(folder)
    results = imported("subnets.pretraining").pretrain(settings, folder, progress=progress)
    for lang, perplexity in results["perplexity"].items():
        progress.say(f"  {lang}: perplexity {perplexity:.2f} on validation")
    last = folder / "checkpoints" / str(results["steps"])
    progress.say(f"the base: {last.path}  (use it: model=checkpoint model.name={last.path})")
    return float(results["mean_loss"])
