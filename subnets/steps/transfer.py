"""transfer: a language and a task inside a mask found elsewhere, from its folder if it is there already."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from subnets.catalogue import RESULTS
from subnets.errors import InputError
from subnets.progress import Progress
from subnets.settings import Settings
from subnets.source_masks import expression_of, named_in
from subnets.tables import EMBEDDED, transfer_table, transfer_verdict
from subnets.workspace import Folder, check_kept, check_writable, transfer_folder

RESULT_KEYS = {"metric", "cell", "asked", "baselines", "against_own", "masks", "source"}


def run(settings: Settings) -> float:
    """Tries the mask, or shows what came of it before.

    Returns:
        The transfer's score on validation.
    """
    progress = Progress(speaks=int(os.environ.get("RANK", "0")) == 0)
    folder = transfer_folder(settings)
    if settings.is_embedded:
        progress.say(f"note: {EMBEDDED}")
    progress.say(
        f"transfer: {expression_of(settings)} -> {settings.lang} task={settings.task.name} "
        f"model={settings.model_label} data={settings.data.source} seed={settings.seed} mode={settings.transfer.mode}"
    )
    results = _finished(settings, folder)
    if results is not None:
        progress.say("this transfer is done; nothing was computed")
    else:
        check_writable(folder)
        results = import_module("subnets.transfer").transfer(settings, folder, progress=progress)
    for line in ("", transfer_table(results), "", transfer_verdict(results, settings.lang)):
        progress.say(line)
    progress.say(f"folder: {folder.path}")
    return float(results["cell"]["score"])


def _finished(settings: Settings, folder: Folder) -> dict[str, Any] | None:
    """The results of a transfer that has everything asked for.

    Raises:
        InputError: it was made with other masks than its source now means, or its files are damaged.
    """
    check_kept(folder, settings.transfer_identity())
    if not folder.has(RESULTS):
        return None
    results = folder.read_json(RESULTS)
    where = folder.path / RESULTS
    if not (isinstance(results, dict) and results.keys() >= RESULT_KEYS and isinstance(results["masks"], list)):
        raise InputError(f"{where}: not the results of a transfer; delete it to compute it again")
    now = [(each.name, each.origin, each.read()[0].digest) for each in named_in(results["source"], settings).values()]
    before = [(each["name"], each["origin"], each["digest"]) for each in results["masks"]]
    if now != before:
        raise InputError(
            f"{where}: source={results['source']} meant {before[0][1]}, and now means {now[0][1]}; name one of them, "
            "as en/seed0, or delete the file to compute it again"
        )
    asked, own = set(settings.transfer.baselines), "own" in results["baselines"]
    return results if asked <= set(results["asked"]) and (own or "own" not in asked) else None
