"""transfer: a language and a task inside a mask found elsewhere, from its folder if it is there already."""

from __future__ import annotations

import os
from typing import Any

from subnets.catalogue import RESULTS, results_in
from subnets.errors import InputError
from subnets.late import imported
from subnets.progress import Progress
from subnets.settings import Settings
from subnets.source_masks import expression_of, named_in
from subnets.tables import EMBEDDED, transfer_table, transfer_verdict
from subnets.transfers import TransferResults
from subnets.workspace import Folder, check_kept, check_writable, transfer_folder


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
        results = imported("subnets.transfer").transfer(settings, folder, progress=progress)
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
    found = results_in(folder, TransferResults)
    named = named_in(found.source, settings)
    if [each.name for each in found.masks] != list(named):
        raise InputError(f"{folder.path / RESULTS}: masks: not those of {found.source}; delete it to compute it again")
    for before, now in zip(found.masks, named.values(), strict=True):
        if before.digest != now.read()[0].digest:
            raise InputError(
                f"{folder.path / RESULTS}: source={found.source} meant {before.origin}, and now means {now.origin}; "
                "name one of them, as en/seed0, or delete the file to compute it again"
            )
    return folder.read_json(RESULTS) if settings.transfer.has_all(asked=found.asked, found=found.baselines) else None
