"""The training loop: one round, from the weights a model has to the weights it ends with. There is no other loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import create_selective_checkpoint_contexts
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from finetune.base_model import encoder_of
from finetune.errors import InputError
from finetune.examples import IGNORED, Batch, Encoded, collate, draw_masks, training_order
from finetune.free_memory import free_memory_kept, give_back_free_memory
from finetune.settings import FinetuneSettings
from finetune.tasks import Kind
from finetune.vocabulary import loss_over_vocabulary

LINEAR = torch.ops.aten.addmm.default, torch.ops.aten.mm.default  # what a linear map runs, with and without a bias
CLIPPING_SLACK = 1e-6  # what torch adds to a norm before it divides the bound by it
CHECKED_EVERY = 10  # steps between looks at the losses: a look makes a GPU wait


class NonFiniteLoss(ArithmeticError):
    """The loss of a step, its gradient, or a weight after it was not a number or infinite."""

    def __init__(self, step: int) -> None:
        super().__init__(f"the loss, its gradient or a weight was not finite at step {step}")
        self.step = step


@dataclass(frozen=True)
class Snapshot:
    """All that a training needs to go on after step `number` as if it had never stopped.

    Attributes:
        weights: of the model, by name.
        moments: AdamW's state, by `<name>/<what>`.
        random_state: of the generator that draws dropout, uint8.
    """

    number: int
    weights: Mapping[str, torch.Tensor]
    moments: Mapping[str, torch.Tensor]
    random_state: torch.Tensor


@dataclass(frozen=True)
class Step:
    """A step just taken, the `number`-th (from 1); `loss` is the batch's mean in nats, on the device.

    `is_enough`: the training ends here, before its time. `snapshot` copies the state of the training as it now is.
    """

    number: int
    loss: torch.Tensor
    learning_rate: float
    is_enough: bool
    snapshot: Callable[[], Snapshot]


@dataclass(frozen=True)
class Until:
    """What may end a training before its time: every so many steps it is asked whether it is enough."""

    every: int
    is_enough: Callable[[], bool]


@dataclass(frozen=True)
class Schedule:
    """The learning rate over `total` steps, of which `offset` lie before this round: up, then linearly down to 0."""

    total: int
    offset: int = 0

    def factor(self, step: int, *, warmup_share: float) -> float:
        """Share of the peak rate used by a step, counted from 0; in [0, 1]."""
        step, warmup = step + self.offset, round(warmup_share * self.total)
        if step < warmup:
            return step / warmup
        return (self.total - step) / max(1, self.total - warmup)


@dataclass(frozen=True)
class Material:
    """What a round learns from, and the means to cut it into batches."""

    examples: Encoded
    tokenizer: PreTrainedTokenizerBase
    settings: FinetuneSettings
    seed: int

    @property
    def steps(self) -> int:
        """Updates of one round."""
        per_epoch = math.ceil(len(self.examples) / self.settings.batch_size)
        return self.settings.steps or per_epoch * self.settings.epochs

    def batches(self) -> Iterator[Batch]:
        """Whole batches without end, the same at every call; the masks of `mlm` are drawn anew for each."""
        order = training_order(self.examples.lengths, batch_size=self.settings.batch_size, seed=self.seed)
        for number, examples in enumerate(order):
            batch = collate(self.examples, examples, pad_id=self.tokenizer.pad_token_id)
            if self.examples.kind == "mlm":
                self._mask_(batch, number)
            yield batch

    def _mask_(self, batch: Batch, number: int) -> None:
        for row, inside in enumerate(batch["attention_mask"].bool()):
            rng = np.random.default_rng([self.seed, number, row])
            seen, labels = draw_masks(
                batch["input_ids"][row, inside].numpy().astype(np.int32),
                tokenizer=self.tokenizer,
                share=self.settings.mask_share,
                rng=rng,
            )
            batch["input_ids"][row, inside] = torch.from_numpy(seen).long()
            batch["labels"][row, inside] = torch.from_numpy(labels)


def train_(
    model: nn.Module,
    material: Material,
    *,
    accelerator: Accelerator,
    first_step: int = 0,
    resume: Snapshot | None = None,
    schedule: Schedule | None = None,
    until: Until | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> int:
    """Trains a prepared model in place, with a fresh optimizer, to the end of one round.

    A batch counts as one however many passes or ranks it is split over: its gradient is that of the mean loss over
    its labels.

    Args:
        model: as `accelerator.prepare` returned it.
        material: the examples, and everything that decides their order.
        accelerator: device, precision and ranks.
        first_step: how many steps of the round the weights have seen already (rewinding to step k).
        resume: a state of this same training to go on from, instead of `first_step`.
        schedule: of the learning rate; None: over this round.
        until: asked whether it is enough, of weights that are known to be finite. Asked at the step of `resume` too,
            where it is known to have said no, so that it can look again at what it saw there.
        on_step: called after every step.

    Returns:
        The number of the last step taken.

    Raises:
        NonFiniteLoss: at most `CHECKED_EVERY` steps after it happened, or weights that are not finite at the end.
        InputError: `recompute` is set, and the architecture cannot.
    """
    settings, steps = material.settings, material.steps
    schedule = schedule or Schedule(total=steps)
    torch.manual_seed(material.seed + (accelerator.process_index << 32))  # dropout; no rank has another seed's
    model.train()
    optimizer = _optimizer(model, settings)
    if resume is not None:
        first_step = resume.number
        _restore_(model, optimizer, resume, accelerator.device)
        if until is not None and first_step % until.every == 0:
            until.is_enough()
    number = first_step
    finite = torch.ones(steps, dtype=torch.bool, device=accelerator.device)
    # What is kept can raise the peak, which who computes again wants low: there it is given back within each step.
    with recomputing(model) if settings.recompute else free_memory_kept():
        for number, batch in enumerate(islice(material.batches(), first_step, steps), start=first_step + 1):
            rate = settings.learning_rate * schedule.factor(number - 1, warmup_share=settings.warmup_share)
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = _gradients_(model, batch, material=material, accelerator=accelerator)
            norm = clip_gradients_(model, settings.clip_norm)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            finite[number - 1] = torch.isfinite(loss) & torch.isfinite(norm)
            asked = until is not None and number % until.every == 0
            if (number % CHECKED_EVERY == 0 or number == steps or asked) and not bool(finite.all()):
                raise NonFiniteLoss(int((~finite).nonzero()[0]) + 1)
            if asked:
                _check_finite(model, number)
            ends = until is not None and asked and until.is_enough()
            if on_step is not None:
                snapshot = partial(_snapshot, number, model, optimizer, accelerator.device)
                on_step(Step(number, loss, rate, ends, snapshot))
            if ends:
                break
    _check_finite(model, number)
    return number


def clip_gradients_(model: nn.Module, max_norm: float) -> torch.Tensor:
    """Scales the gradient to a norm of at most `max_norm` in place; its norm before, a scalar.

    As `torch.nn.utils.clip_grad_norm_` does, to the same bits. That multiplies a gradient that is short enough by 1, as
    asking would make a GPU wait: a CPU asks, and is spared a pass over memory.
    """
    weights = [weight for weight in model.parameters() if weight.grad is not None]
    norm = nn.utils.get_total_norm([cast(torch.Tensor, weight.grad) for weight in weights])
    if norm.device.type != "cpu" or not bool(max_norm / (norm + CLIPPING_SLACK) >= 1):
        nn.utils.clip_grads_with_norm_(weights, max_norm, norm)
    return norm


def _check_finite(model: nn.Module, number: int) -> None:
    """The loss of a step is that of the weights before it: what the last step made of them has not been looked at."""
    if not all(bool(torch.isfinite(weight).all()) for weight in model.parameters()):
        raise NonFiniteLoss(number)


@free_memory_kept()
def gradients_of_(model: nn.Module, material: Material, *, batches: int, accelerator: Accelerator) -> None:
    """Leaves in the parameters the gradient of the loss summed over the round's first batches, without dropout."""
    model.eval()
    model.zero_grad(set_to_none=True)
    for batch in islice(material.batches(), batches):
        _gradients_(model, batch, material=material, accelerator=accelerator)


@free_memory_kept()
def mean_squared_gradients(
    model: nn.Module,
    material: Material,
    weights: Mapping[str, nn.Parameter],
    *,
    examples: int,
    accelerator: Accelerator,
) -> dict[str, torch.Tensor]:
    """The mean over training examples of the squared gradient of each one's own loss, without dropout.

    Args:
        model: as `accelerator.prepare` returned it; its gradients are overwritten.
        material: the examples, taken in the order of a training in batches of one.
        weights: the parameters of `model` that are asked about.
        examples: how many; all there are where these are fewer.
        accelerator: device, precision and ranks.

    Returns:
        A tensor a weight, of its shape; 0 where the loss does not depend on it.
    """
    model.eval()
    one_each = replace(material, settings=replace(material.settings, batch_size=1, gradient_accumulation_steps=1))
    found = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    count = min(examples, len(material.examples))
    for batch in islice(one_each.batches(), count):
        model.zero_grad(set_to_none=True)
        _gradients_(model, batch, material=one_each, accelerator=accelerator)
        for name, weight in weights.items():
            if weight.grad is not None:
                found[name] += weight.grad.square() / count
    return found


@contextmanager
def narrowed_to(model: nn.Module, positions: torch.Tensor) -> Iterator[None]:
    """Within, the head of a model sees only the encoder's output at `positions`, bool, shape (examples, length).

    Its logits then have shape (1, chosen, classes). Vocabulary logits at the masked positions alone save the head's
    work and memory on the other 85 %, for every architecture alike.
    """

    def narrow(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state[positions].unsqueeze(0)
        return output

    with encoder_of(unwrapped(model)).register_forward_hook(narrow):
        yield


@contextmanager
def vocabulary_read_aside(model: nn.Module) -> Iterator[None]:
    """Within, reading a vocabulary adds to its gradient in place, where the head predicts with it too.

    Otherwise reading leaves a gradient of the whole vocabulary, nearly all zeros, and the two are added into a third:
    for mBERT 0.7 GB and a twentieth of a step more. Where nothing is predicted with the vocabulary, ranks expect
    gradients from their modules, or a hook waits for the whole gradient (a mask's), all stays as it is. Sums of rows
    that are read more than once may round otherwise.
    """
    inner = unwrapped(model)
    read, predicts = inner.get_input_embeddings(), inner.get_output_embeddings()
    is_tied = isinstance(read, nn.Embedding) and predicts is not None and predicts.weight is read.weight
    awaited = is_tied and bool(getattr(read.weight, "_post_accumulate_grad_hooks", None))
    if not is_tied or awaited or inner is not model or not read.weight.requires_grad or read.scale_grad_by_freq:
        yield
        return

    def aside(module: nn.Embedding, inputs: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        if not output.requires_grad:
            return output
        found, ids = output.detach().requires_grad_(), inputs[0]

        def add(gradient: torch.Tensor) -> None:
            # Reading comes last in the backward pass, so that what predicting gave is there.
            learns = torch.ones_like(ids, dtype=torch.bool) if module.padding_idx is None else ids != module.padding_idx
            rows_read = torch.sparse_coo_tensor(
                ids[learns][None], gradient[learns], module.weight.shape, check_invariants=False
            )
            cast(torch.Tensor, module.weight.grad).add_(rows_read)

        found.register_hook(add)
        return found

    with read.register_forward_hook(aside):
        yield


@contextmanager
def recomputing(model: nn.Module) -> Iterator[None]:
    """Within, layers in training keep what their linear maps give for the backward pass, and compute all else again.

    The same numbers, dropout included: these products are what takes time, and the rest what takes memory (Chen et al.
    2016, arXiv:1604.06174, of layers as a whole; Korthikanti et al. 2022, arXiv:2205.05198, of parts chosen so). What
    is let go leaves gaps too small for gradients: on a CPU their pages are given back before the backward pass.

    Raises:
        InputError: the architecture cannot.
    """
    inner = unwrapped(model)
    if not inner.supports_gradient_checkpointing:
        raise InputError(f"finetune.recompute: found true, which {type(inner).__name__} cannot; allowed: false")
    choice = partial(create_selective_checkpoint_contexts, list(LINEAR))
    inner.activation_checkpointing_enable({"use_reentrant": False, "context_fn": choice})
    inner.disable_input_require_grads()  # is for models whose embeddings do not learn, and would stay

    def give_back(module: nn.Module, _inputs: Any, _output: Any) -> None:
        if module.training and inner.device.type == "cpu":
            give_back_free_memory()

    with inner.register_forward_hook(give_back):
        try:
            yield
        finally:
            inner.activation_checkpointing_disable()


def logits_and_labels(model: nn.Module, batch: Batch, kind: Kind) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits where there is something to predict, fp32, shape (n, classes), and the labels there, shape (n,)."""
    inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
    labels = batch["labels"]
    asked = labels != IGNORED
    if kind == "mlm":
        with narrowed_to(model, asked), vocabulary_read_aside(model):
            return model(**inputs).logits.squeeze(0).float(), labels[asked]
    return model(**inputs).logits[asked].float(), labels[asked]


def unwrapped(model: nn.Module) -> PreTrainedModel:
    """The model itself, without what data parallelism wraps around it."""
    inner = getattr(model, "module", model)
    if not isinstance(inner, PreTrainedModel):
        raise TypeError(f"a PreTrainedModel was expected, not {type(inner).__name__}")
    return inner


def _gradients_(model: nn.Module, batch: Batch, *, material: Material, accelerator: Accelerator) -> torch.Tensor:
    """Leaves the gradient of the batch's mean loss in the parameters; returns that loss, over all ranks."""
    answers, kind = max(1, int((batch["labels"] != IGNORED).sum())), material.examples.kind
    summed = loss_over_vocabulary if kind == "mlm" else partial(functional.cross_entropy, reduction="sum")
    ranks, passes = accelerator.num_processes, material.settings.gradient_accumulation_steps
    parts = _split(batch, ranks * passes)[accelerator.process_index :: ranks]
    total = torch.zeros((), device=accelerator.device)
    for at, part in enumerate(parts, start=1):
        part = {name: tensor.to(accelerator.device, non_blocking=True) for name, tensor in part.items()}
        with accelerator.no_sync(model) if at < passes else nullcontext():
            # No name holds the logits, so that they are gone before the gradients come.
            loss = summed(*logits_and_labels(model, part, kind)) / answers
            accelerator.backward(loss * ranks)  # ranks' gradients are averaged: undo that
        total += loss.detach()
    return total if ranks == 1 else accelerator.reduce(total, reduction="sum")


def _split(batch: Batch, parts: int) -> list[Batch]:
    """A batch in equal parts by rows; a part without rows gets one that asks nothing, as every rank must run."""
    if parts == 1:
        return [batch]
    pieces = [
        dict(zip(batch, tensors, strict=True))
        for tensors in zip(*(tensor.tensor_split(parts) for tensor in batch.values()), strict=True)
    ]
    idle = {name: tensor[:1] for name, tensor in batch.items()}
    idle["labels"] = torch.full_like(idle["labels"], IGNORED)
    return [piece if len(piece["labels"]) else idle for piece in pieces]


def _snapshot(number: int, model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device) -> Snapshot:
    weights = {name: weight.detach().clone() for name, weight in unwrapped(model).named_parameters()}
    moments = {
        f"{name}/{what}": value.detach().clone()
        for name, weight in unwrapped(model).named_parameters()
        for what, value in optimizer.state[weight].items()
    }
    state = torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()
    return Snapshot(number, weights, moments, state)


def _restore_(model: nn.Module, optimizer: torch.optim.Optimizer, from_: Snapshot, device: torch.device) -> None:
    with torch.no_grad():
        for name, weight in unwrapped(model).named_parameters():
            weight.copy_(from_.weights[name])
    for name, weight in unwrapped(model).named_parameters():
        own = {key.split("/")[1]: value for key, value in from_.moments.items() if key.split("/")[0] == name}
        optimizer.state[weight] = {what: value.clone().to(device) for what, value in own.items()}
    if device.type == "cuda":
        torch.cuda.set_rng_state(from_.random_state, device)
    else:
        torch.set_rng_state(from_.random_state)


def _optimizer(model: nn.Module, settings: FinetuneSettings) -> torch.optim.AdamW:
    """AdamW; weight decay, where there is any, spares biases and norms (all that is one-dimensional)."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [weight for weight in weights if weight.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, eps=1e-8, fused=True)
