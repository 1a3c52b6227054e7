"""export: a ticket, or what an expression makes of several, as files that others can use."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from subnets.errors import InputError
from subnets.late import imported
from subnets.progress import Progress
from subnets.settings import EVERY, Settings, settings_of
from subnets.workspace import check_new, new_folder, run_folder

if TYPE_CHECKING:
    from subnets.catalogue import FinishedRun
    from subnets.delivery import Carrier, Delivery

FILE = "file:"


def run(settings: Settings) -> float:
    """Writes the mask asked for in the form asked for, and says what it is.

    Returns:
        The mask's sparsity.
    """
    text, to = _asked(settings)
    progress = Progress(speaks=True)
    delivery, carrier = _gathered(text, settings, progress)
    if settings.export.weights == "trained":
        carrier = _trained(delivery, text, settings, progress)
    with new_folder(to, key="export.to") as folder:
        files = imported("subnets.delivery").write(folder, delivery, carrier, form=settings.export.format)
    mask = delivery.mask
    progress.say(f"export: {text}: {mask.kept:,} of {mask.total:,} weights kept, sparsity {mask.sparsity:.4f}")
    progress.say(f"written: {to}: {', '.join(files)}")
    return float(mask.sparsity)


def _asked(settings: Settings) -> tuple[str, Path]:
    """The mask and the folder, checked before anything costly is done."""
    text = settings.export.mask or ("" if settings.lang == EVERY else settings.lang)
    if not text:
        raise InputError('export.mask is missing; say for example export.mask="core(en,fr)", or lang=de for its ticket')
    if not settings.export.to:
        raise InputError("export.to is missing; say for example export.to=FOLDER")
    to = Path(settings.export.to).expanduser()
    check_new(to, key="export.to")
    return text, to


def _gathered(text: str, settings: Settings, progress: Progress) -> tuple[Delivery, Carrier | None]:
    """The mask, and the pre-trained base where the form needs it."""
    delivery = imported("subnets.delivery")
    if text.startswith(FILE):
        path = Path(text.removeprefix(FILE)).expanduser()
        carrier: Carrier = delivery.pretrained(settings)
        return delivery.delivery_from(path, carrier, settings), carrier
    found: Delivery = delivery.delivery_of(text, settings)
    for parent in found.about.ancestry.parents if found.about.ancestry else ():
        progress.say(f"{parent.name}: {parent.origin}")
    bare = settings.export.format in ("mask", "float")
    return found, None if bare else delivery.pretrained(settings)


def _trained(delivery: Delivery, text: str, settings: Settings, progress: Progress) -> Carrier:
    """The model of one run's round after training, trained again: runs keep masks and scores, no trained weights."""
    if delivery.only is None:
        raise InputError(
            f"export.weights=trained: {text} is not the mask of one run; only such a mask has weights trained inside it"
        )
    own = _settings_of(delivery.only.run, settings)
    module = imported("subnets.delivery")
    before = module.pretrained(own)
    search = imported("subnets.search")
    bench = search.train_again(own, delivery.only.run.folder, delivery.only.round.round, progress=progress)
    carrier: Carrier = module.trained(bench.model, before)
    return carrier


def _settings_of(run: FinishedRun, settings: Settings) -> Settings:
    """The settings that a run was made with, on the device at hand.

    Raises:
        InputError: this version reads them as those of another run.
    """
    kept = {name: value for name, value in run.settings.items() if name != "run_format"}
    own = settings_of(_merged(asdict(settings), kept))
    if run_folder(own).path.name != run.folder.path.name:
        raise InputError(f"{run.folder.path}: was made by another version; its ticket cannot be trained again")
    return own


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = {name: _merged(under[name], value) for name, value in over.items() if _both_dicts(under.get(name), value)}
    return {**under, **over, **both}


def _both_dicts(left: Any, right: Any) -> bool:
    return isinstance(left, dict) and isinstance(right, dict)
