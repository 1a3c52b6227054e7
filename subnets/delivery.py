"""A mask on its way out: what its name or expression means, and the files that carry it elsewhere."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from finetune.base_model import encoder_of, load_base
from finetune.training import unwrapped
from finetune.vocabulary import widen_
from pruning.ancestry import Ancestry, Parent
from pruning.exchange import differences_of, floats_of, mask_of_tensors, prune_state, read_tensors
from pruning.mask import Mask, Shape
from pruning.mask_file import About, mask_bytes, read_mask
from pruning.masking import apply_
from pruning.scope import prunable
from subnets.archive import MASK
from subnets.errors import InputError
from subnets.named_masks import NamedMask
from subnets.reference import base_fingerprint
from subnets.settings import Settings
from subnets.source_masks import source_mask

FILE = "file:"  # before the path of a mask file


@dataclass(frozen=True)
class Delivery:
    """A mask with where it comes from; `only` is the round it is, where it is just one."""

    mask: Mask
    about: About
    only: NamedMask | None = None


@dataclass(frozen=True)
class Carrier:
    """The model that a mask is put on: its weights go out, and `base` holds those of the pre-trained encoder."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    base: Mapping[str, torch.Tensor]
    fingerprint: str

    @property
    def encoder(self) -> torch.nn.Module:
        """The encoder within the model, or the model where it is one without a head."""
        return self.model if self.model.base_model is self.model else encoder_of(self.model)


def delivery_of(text: str, settings: Settings) -> Delivery:
    """What an expression over finished runs means.

    Raises:
        InputError: the expression cannot be read, a name stands for no mask, or masks are of other bases or matrices.
    """
    source = source_mask(text, settings)
    return Delivery(source.mask, source.about, source.only)


def delivery_from(path: Path, carrier: Carrier, settings: Settings) -> Delivery:
    """The mask in a file: one of ours, or, where it ends in .pt, .pth or .bin, one of the exchange layouts.

    Raises:
        InputError: as `read_mask`, `read_tensors` and `mask_of_tensors`.
    """
    if path.suffix not in (".pt", ".pth", ".bin"):
        return Delivery(*read_mask(path))
    try:
        mask = mask_of_tensors(read_tensors(path), shapes_of(carrier, settings))
    except ValueError as problem:
        raise InputError(str(problem) if str(path) in str(problem) else f"{path}: {problem}") from None
    parent = Parent(path.name, mask.digest, str(path))
    about = About(
        base=settings.model_label,
        base_fingerprint=carrier.fingerprint,
        task=settings.task.name,
        lang=settings.lang,
        seed=settings.seed,
        ancestry=Ancestry(f"{FILE}{path.name}", (parent,)),
    )
    return Delivery(mask, about)


def pretrained(settings: Settings) -> Carrier:
    """The base's encoder as it was pre-trained. Raises InputError where it cannot be loaded."""
    base = load_base(settings.model, settings.task, seed=settings.seed, max_length=2)
    encoder = encoder_of(base.model)
    if not isinstance(encoder, PreTrainedModel):
        raise InputError(f"model.name={settings.model.name}: its encoder cannot be saved by itself")
    return Carrier(encoder, base.tokenizer, _weights(encoder), base_fingerprint(base))


def trained(model: torch.nn.Module, before: Carrier) -> Carrier:
    """A model with its head after training, on the base that it was trained from."""
    inner = unwrapped(model).cpu()
    if not isinstance(inner, PreTrainedModel):
        raise InputError(f"{type(inner).__name__} cannot be saved")
    widen_(inner, before.model)
    return Carrier(inner, before.tokenizer, before.base, before.fingerprint)


def shapes_of(carrier: Carrier, settings: Settings) -> dict[str, Shape]:
    """The prunable matrices by the encoder's names."""
    matrices = prunable(carrier.encoder, also=settings.pruning.also)
    return {name: tuple(weight.shape) for name, weight in matrices.items()}


def write(folder: Path, delivery: Delivery, carrier: Carrier | None, *, form: str) -> list[str]:
    """Writes a mask in a form into a folder, with the mask file beside it; the model's pruned weights become zero.

    Raises:
        InputError: a mask of another base, or of matrices that the base does not have.
    """
    (folder / MASK).write_bytes(mask_bytes(delivery.mask, delivery.about))
    if form == "float":
        (folder / "mask.pt").write_bytes(_torch_bytes(floats_of(delivery.mask)))
    elif form in WRITERS:
        if carrier is None:
            raise ValueError(f"form {form!r} needs the weights of the base")
        _check_base(delivery, carrier)
        WRITERS[form](folder, delivery.mask, carrier)
    return sorted(each.name for each in folder.iterdir())


def _write_checkpoint(folder: Path, mask: Mask, carrier: Carrier) -> None:
    apply_(_these(dict(carrier.encoder.named_parameters()), mask), mask)
    carrier.model.save_pretrained(folder)
    for file in folder.glob("*.safetensors"):  # safetensors leaves weights to their owner alone
        shutil.copymode(folder / "config.json", file)
    carrier.tokenizer.save_pretrained(folder)


def _write_prune(folder: Path, mask: Mask, carrier: Carrier) -> None:
    (folder / "prune.pt").write_bytes(_torch_bytes(prune_state(mask, _weights(carrier.encoder))))


def _write_differences(folder: Path, mask: Mask, carrier: Carrier) -> None:
    found = differences_of(mask, _weights(carrier.encoder), carrier.base)
    (folder / "differences.pt").write_bytes(_torch_bytes(found))


# The forms that hold weights; "mask" and "float" hold the mask alone.
WRITERS: dict[str, Callable[[Path, Mask, Carrier], None]] = {
    "checkpoint": _write_checkpoint,
    "prune": _write_prune,
    "differences": _write_differences,
}


def _check_base(delivery: Delivery, carrier: Carrier) -> None:
    found = delivery.about.base_fingerprint
    if found != carrier.fingerprint:
        raise InputError(
            f"the mask is one of base {delivery.about.base} (fingerprint {found[:12]}); "
            f"the model at hand has {carrier.fingerprint[:12]}: name the model it was found on"
        )
    _these(carrier.base, delivery.mask)


def _these(weights: Mapping[str, torch.Tensor], mask: Mask) -> dict[str, torch.Tensor]:
    unknown = sorted(mask.shapes.keys() - weights.keys())
    if unknown:
        raise InputError(f"the mask speaks of {unknown[0]!r}, which the model does not have")
    return {name: weights[name] for name in mask.names}


def _weights(encoder: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Copies of all weights and buffers that a state dict holds."""
    return {name: weight.detach().cpu().clone() for name, weight in encoder.state_dict().items()}


def _torch_bytes(tensors: Mapping[str, torch.Tensor]) -> bytes:
    buffer = io.BytesIO()
    torch.save(dict(tensors), buffer)
    return buffer.getvalue()
