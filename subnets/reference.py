"""What masks are held against: the base they were found on, and the mask that its own magnitudes give."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from pydantic import TypeAdapter, ValidationError

from finetune.base_model import Base, encoder_of, load_base
from finetune.settings import ModelSettings
from finetune.tasks import Task
from pruning.mask import Mask
from pruning.mask_file import StoredMask
from pruning.rewinding import fingerprint_of
from pruning.scope import groups, prunable
from pruning.selection import keep_highest
from subnets.catalogue import FinishedRun
from subnets.errors import InputError


@dataclass(frozen=True)
class Reference:
    """A base as masks see it.

    Attributes:
        magnitudes: the absolute pre-trained weights of every prunable matrix.
        scope: which matrices are ranked together.
        heads: attention heads of a layer.
    """

    magnitudes: Mapping[str, torch.Tensor]
    scope: str
    heads: int

    def oneshot_like(self, mask: Mask | StoredMask) -> Mask:
        """The mask of the largest magnitudes, with as many weights kept in every group of the scope."""
        chosen = Mask.full(mask.shapes)
        for group in groups(mask.shapes, self.scope):
            kept = sum(mask.kept_counts[name] for name in group)
            chosen = keep_highest(self.magnitudes.__getitem__, chosen, kept=kept, names=group)
        return chosen


def reference_of(run: FinishedRun, *, fingerprint: str) -> Reference:
    """The base that a run's masks were found on.

    Raises:
        InputError: it cannot be loaded, or it is not the base that the masks name by its fingerprint.
    """
    try:
        model = TypeAdapter(ModelSettings).validate_python(run.settings.get("model"))
        task = TypeAdapter(Task).validate_python(run.settings.get("task"))
        pruning = run.settings["pruning"]
        also = TypeAdapter(tuple[str, ...]).validate_python(pruning["also"])
        scope = str(pruning["scope"])
    except (ValidationError, KeyError, TypeError) as problem:
        raise InputError(f"{run.folder.path}: settings.yaml is not that of a run ({type(problem).__name__})") from None
    base = load_base(model, task, seed=0, max_length=2)
    if base_fingerprint(base) != fingerprint:
        raise InputError(f"model {model.name}: its weights have changed since {run.name} was made")
    matrices = prunable(encoder_of(base.model), also=also)
    magnitudes = {name: weight.detach().abs() for name, weight in matrices.items()}
    return Reference(magnitudes, scope, int(base.model.config.num_attention_heads))


def base_fingerprint(base: Base) -> str:
    """SHA-256 of the encoder's pre-trained weights without a pooler.

    Heads of some tasks bring no pooler, and masks of all tasks are to be known as masks of one base.
    """
    weights = dict(encoder_of(base.model).named_parameters())
    return fingerprint_of({name: weight for name, weight in weights.items() if "pooler" not in name.split(".")})


def start_fingerprint(base: Base) -> str:
    """SHA-256 of all that a base brings to a task, whatever the seed: all its weights, and its config.

    A pooler and a head of masked language modelling are among them; what a seed draws is left out.
    """
    weights = dict(base.model.named_parameters())
    given = fingerprint_of({name: weight for name, weight in weights.items() if name not in base.drawn})
    return hashlib.sha256(f"{given} {base.config}".encode()).hexdigest()
