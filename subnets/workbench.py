"""The workbench: a base, its data and a device, set up once; it trains the base inside any mask and scores it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, partial
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from finetune.base_model import Base, encoder_of, load_base, random_weights
from finetune.evaluation import evaluate
from finetune.examples import Encoded, Integers, with_shuffled_labels
from finetune.outcomes import Outcomes, metric_called
from finetune.training import (
    Material,
    NonFiniteLoss,
    Schedule,
    Snapshot,
    Step,
    Until,
    gradients_of_,
    mean_squared_gradients,
    train_,
    unwrapped,
)
from finetune.vocabulary import can_be_narrowed, narrow_, narrowed, pieces_in
from pruning.mask import Mask
from pruning.mask_file import About
from pruning.masking import apply_, masked_gradients, nonzero_pruned
from pruning.rewinding import Start, rewind_, start_of
from pruning.schedule import kept_count
from pruning.scope import groups, prunable, scope_called
from pruning.scores import Evidence, score_called
from pruning.selection import keep_highest
from subnets import provenance
from subnets.archive import Origin, Scored
from subnets.data import Data, read_data, read_train
from subnets.devices import accelerator_of, mask_of_rank_0
from subnets.errors import RunFailed, stops_named
from subnets.progress import Progress
from subnets.reference import Reference, base_fingerprint, start_fingerprint
from subnets.settings import Settings
from subnets.workspace import Folder


@dataclass(frozen=True)
class Workbench:
    """Everything a run trains with.

    Attributes:
        model: the base with its head as the accelerator wraps it; the only weights that are ever written to.
        start: the pre-trained weights with the head drawn from the run's seed.
        origin: fingerprints of the encoder's pre-trained weights, of the examples, and of all that the base brings.
        weights: the prunable parameters of `model` by their name in the encoder.
        pieces: the ids that `model` has embeddings of, where it was left these alone; None: of its whole vocabulary.
    """

    settings: Settings
    accelerator: Accelerator
    base: Base
    data: Data
    model: nn.Module
    start: Start
    origin: Origin
    weights: Mapping[str, nn.Parameter]
    pieces: Integers | None

    @property
    def dense(self) -> Mask:
        """The mask that keeps everything."""
        return Mask.full({name: tuple(weight.shape) for name, weight in self.weights.items()})

    def about(self, **extra: str) -> About:
        """What mask files of these settings say of themselves."""
        settings = self.settings
        return About(
            base=settings.model_label,
            base_fingerprint=self.origin.base,
            task=settings.task.name,
            lang=settings.lang,
            seed=settings.seed,
            extra=extra,
        )

    def in_encoder(self, start: Start) -> dict[str, torch.Tensor]:
        """A start's prunable weights, by their name in the encoder."""
        prefix = unwrapped(self.model).base_model_prefix
        return {name: start.weights[f"{prefix}.{name}"] for name in self.weights}

    def is_head(self, name: str) -> bool:
        """Whether a weight of the model belongs to the task's head."""
        return not name.startswith(unwrapped(self.model).base_model_prefix + ".")

    @property
    def steps(self) -> int:
        """Updates of one round."""
        return self._material(self.settings.seed).steps

    def track(self, label: str, step: Step) -> None:
        """Sends a step to the tracker, where one is set."""
        if self.settings.finetune.tracker is not None:
            values = {f"{label}/loss": step.loss.item(), f"{label}/learning_rate": step.learning_rate}
            self.accelerator.log(values, step=step.number)

    def start_of_seed(self, seed: int) -> Start:
        """The start with a head drawn from another seed."""
        if seed == self.settings.seed:
            return self.start
        model = _load(self.settings.of_seed(seed)).model
        if self.pieces is not None:
            narrow_(model, self.pieces)
        return start_of(model)

    def from_scratch(self, start: Start) -> Start:
        """A start with an encoder drawn at random as the architecture's own initialisation draws it."""
        drawn = random_weights(unwrapped(self.model), seed=self.settings.seed)
        encoder = {name: weight for name, weight in drawn.items() if not self.is_head(name)}
        return Start({**start.weights, **self.narrowed(encoder)})

    def narrowed(self, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Weights of the whole model as this one has them: of the vocabulary only the pieces that occur."""
        own, pieces = self.start.weights, self.pieces
        return {
            name: weight if pieces is None or weight.shape == own[name].shape else narrowed(weight, pieces)
            for name, weight in weights.items()
        }

    @property
    def reference(self) -> Reference:
        """The base as masks are held against it."""
        magnitudes = {name: weight.detach().abs() for name, weight in self.in_encoder(self.start).items()}
        heads = int(unwrapped(self.model).config.num_attention_heads)
        return Reference(magnitudes, self.settings.pruning.scope, heads)

    def with_shuffled_labels(self, seed: int) -> Workbench:
        """The same workbench, but for training examples whose labels say nothing. Not for `mlm`, which has none."""
        return replace(self, data=replace(self.data, train=with_shuffled_labels(self.data.train, seed=seed)))

    def trained_on(self, lang: str) -> Workbench:
        """The same workbench with the training examples of another language; validation and test stay.

        Raises:
            InputError: there are none.
            ValueError: the model was left with the pieces of its own examples.
        """
        if self.pieces is not None:
            raise ValueError("a narrowed vocabulary may lack pieces of another language")
        data = replace(self.data, train=read_train(replace(self.settings, lang=lang), self.base))
        return replace(self, data=data, origin=replace(self.origin, data=data.fingerprint))

    def train_and_score(
        self,
        mask: Mask,
        *,
        start: Start,
        seed: int,
        first_step: int = 0,
        rounds_before: int = 0,
        resume: Snapshot | None = None,
        until: Until | None = None,
        on_step: Callable[[Step], None] | None = None,
    ) -> Scored:
        """Rewinds to a start, trains inside a mask with its pruned weights at zero, and scores what comes out.

        Raises:
            RunFailed: the loss or the score left the numbers, or a pruned weight left zero.
        """
        began = time.perf_counter()
        rewind_(self.model, start)
        apply_(self.weights, mask)
        material = self._material(seed)
        try:
            with masked_gradients(self.weights, mask):
                taken = train_(
                    self.model,
                    material,
                    accelerator=self.accelerator,
                    first_step=first_step,
                    resume=resume,
                    schedule=self._schedule(material.steps, rounds_before),
                    until=until,
                    on_step=on_step,
                )
        except NonFiniteLoss as problem:
            raise RunFailed(
                f"{problem}; try a lower finetune.learning_rate (found {self.settings.finetune.learning_rate})"
            ) from None
        if astray := nonzero_pruned(self.weights, mask):
            raise RunFailed(f"pruned weights were not zero after training: {astray}")
        return self._scored(since=began, stopped_at=taken if taken < material.steps else None)

    def score_untrained(self, mask: Mask) -> Scored:
        """How the start does inside a mask without any training; its head is as it was drawn."""
        began = time.perf_counter()
        rewind_(self.model, self.start)
        apply_(self.weights, mask)
        return self._scored(since=began)

    def choose(self, mask: Mask, sparsity: Fraction, *, score: str, rewound_to: Start) -> Mask:
        """The survivors at a sparsity, by a score and the run's scope, of the weights as they now are.

        Ranks take the mask that rank 0 chose, so that rounding can never make them go on with different bits.
        """
        worth, evidence = score_called(score), self._evidence(mask, rewound_to)
        chosen = self._keep(lambda name: worth(name, evidence), mask, sparsity)
        return chosen if self.accelerator.num_processes == 1 else mask_of_rank_0(chosen, self.accelerator.device)

    def _keep(self, scores: Callable[[str], torch.Tensor], mask: Mask, sparsity: Fraction) -> Mask:
        for group in groups(mask.names, self.settings.pruning.scope):
            kept = kept_count(sum(mask.sizes[name] for name in group), sparsity)
            mask = keep_highest(scores, mask, kept=kept, names=group)
        return mask

    def _evidence(self, mask: Mask, rewound_to: Start) -> Evidence:
        return Evidence(
            trained=self.weights,
            start=self.in_encoder(rewound_to),
            base=self.in_encoder(self.start),
            gradients=cache(self._gradients),
            squared_gradients=cache(partial(self._squared_gradients, mask, rewound_to)),
            seed=self.settings.seed,
        )

    def _gradients(self) -> dict[str, torch.Tensor]:
        gradients_of_(
            self.model,
            self._material(self.settings.seed),
            batches=self.settings.pruning.score_batches,
            accelerator=self.accelerator,
        )
        return {
            name: torch.zeros_like(weight) if weight.grad is None else weight.grad
            for name, weight in self.weights.items()
        }

    def _squared_gradients(self, mask: Mask, rewound_to: Start) -> dict[str, torch.Tensor]:
        """At what the round began with; the model then has its trained weights again, as other scores look at them."""
        trained = start_of(self.model)
        rewind_(self.model, rewound_to)
        apply_(self.weights, mask)
        found = mean_squared_gradients(
            self.model,
            self._material(self.settings.seed),
            self.weights,
            examples=self.settings.pruning.score_examples,
            accelerator=self.accelerator,
        )
        rewind_(self.model, trained)
        return found

    def _material(self, seed: int) -> Material:
        return Material(self.data.train, self.base.tokenizer, self.settings.finetune, seed)

    def _schedule(self, steps: int, rounds_before: int) -> Schedule:
        if self.settings.finetune.schedule_spans == "round":
            return Schedule(total=steps)
        return Schedule(total=steps * (len(self.settings.sparsities)), offset=steps * rounds_before)

    def introduce(self, progress: Progress) -> None:
        """Says what the examples are."""
        for name, split in self.data.splits().items():
            unit = {"token": "words", "sentence": "examples", "mlm": "tokens"}[split.kind]
            cut = f", {split.cut:,} {unit} cut off by finetune.max_length" if split.cut else ""
            progress.say(f"{name}: {len(split):,} examples{cut}")
        for note in self.data.notes:
            progress.say(note)

    def provenance(self) -> dict[str, Any]:
        """What the numbers come from: software, machine, base and data."""
        settings = self.settings
        splits = {
            name: {"examples": len(split), "cut": split.cut, "fingerprint": split.fingerprint}
            for name, split in self.data.splits().items()
        }
        return {
            "software": provenance.software(),
            "machine": provenance.machine(
                self.accelerator.device,
                precision=settings.finetune.precision,
                ranks=self.accelerator.num_processes,
            ),
            "base": {
                "name": settings.model.name,
                "revision": self.base.revision,
                "fingerprint": self.origin.base,
                "start": self.origin.start,
            },
            "data": {
                "source": settings.data.source,
                "revision": self.data.revision,
                "fingerprint": self.origin.data,
                "splits": splits,
            },
        }

    def _scored(self, *, since: float, stopped_at: int | None = None) -> Scored:
        test = self._score(self.data.test) if self.data.test is not None else None
        scored = Scored(self._score(self.data.validation), test, time.perf_counter() - since, stopped_at)
        for each in (scored.validation, scored.test):
            if each is not None and not math.isfinite(each.score):
                raise RunFailed(
                    f"{each.metric} came out as {each.score} after training; "
                    f"try a lower finetune.learning_rate (found {self.settings.finetune.learning_rate})"
                )
        return scored

    def _score(self, examples: Encoded) -> Outcomes:
        return evaluate(
            self.model,
            examples,
            self.settings.task,
            accelerator=self.accelerator,
            pad_id=self.base.tokenizer.pad_token_id,
        )


@stops_named("setting up")
def set_up(settings: Settings, *, folder: Folder | None = None, whole_vocabulary: bool = False) -> Workbench:
    """Loads the base and the data and puts the model on its device.

    Args:
        settings: of the run.
        folder: where a tracker keeps its losses.
        whole_vocabulary: the model is to read other examples too (`Workbench.trained_on`).

    Raises:
        InputError: anything about settings, base, data or device that cannot be used.
    """
    metric_called(settings.task.metric)
    score_called(settings.pruning.score)
    scope_called(settings.pruning.scope)
    accelerator = accelerator_of(settings, settings.finetune, folder=folder)
    base = _load(settings)
    weights = prunable(encoder_of(base.model), also=settings.pruning.also)
    data = read_data(settings, base)
    origin = Origin(base_fingerprint(base), data.fingerprint, start_fingerprint(base))
    pieces = None if whole_vocabulary else _pieces(settings, base, data)
    if pieces is not None:
        narrow_(base.model, pieces)
    start = start_of(base.model)
    model = accelerator.prepare_model(base.model)
    return Workbench(settings, accelerator, base, data, model, start, origin, weights, pieces)


def _pieces(settings: Settings, base: Base, data: Data) -> Integers | None:
    """All that occurs in the data, where nothing else of the vocabulary can matter; None: it can."""
    decays = settings.finetune.weight_decay > 0  # all rows, whether they occur or not
    if decays or "embeddings" in settings.pruning.also or not can_be_narrowed(base.model):
        return None
    return pieces_in(data.splits().values(), pad_id=base.tokenizer.pad_token_id)


def _load(settings: Settings) -> Base:
    return load_base(settings.model, settings.task, seed=settings.seed, max_length=settings.finetune.max_length)
