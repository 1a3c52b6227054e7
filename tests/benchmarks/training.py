"""Random encoders of a size, drawn examples, and the project's own training of them, timed step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn
from transformers import BertConfig, BertForMaskedLM, BertForTokenClassification, PreTrainedModel

from finetune.examples import Encoded
from finetune.settings import FinetuneSettings
from finetune.tasks import Kind
from finetune.training import Material, Step, train_
from subnets.devices import warm_up_vector_math
from tests.benchmarks.harness import Unequal
from tests.benchmarks.sizes import Size

LABELS = 7  # as many as WikiANN's tags
SPECIAL = 5  # ids below are special tokens
LEARNING_RATE = 2e-5
ROUNDING = 1e-2  # relative, of losses on a GPU in bf16, which sums in an order of its own each time


@dataclass(frozen=True)
class NoTokenizer:
    """As much of a tokenizer as training asks for where sub-words are drawn."""

    size: int
    pad_token_id: int = 0
    mask_token_id: int = SPECIAL - 1
    all_special_ids: tuple[int, ...] = tuple(range(SPECIAL))

    def __len__(self) -> int:
        return self.size


@dataclass
class Steps:
    """Losses of all steps, and seconds of all but the first, which also makes the optimizer's state."""

    losses: list[float] = field(default_factory=list)
    stamps: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> list[float]:
        return [after - before for before, after in zip(self.stamps, self.stamps[1:], strict=False)]

    def add(self, loss: torch.Tensor) -> None:
        """A step just taken; waits until the device has taken it."""
        self.losses.append(loss.item())
        synchronise(loss.device.type)
        self.stamps.append(time.perf_counter())


def synchronise(device: str) -> None:
    """Waits until the device has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def encoder(size: Size, kind: Kind, *, seed: int = 0) -> PreTrainedModel:
    """A BERT of that size with random weights and a head for the kind of task."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=size.feed_forward,
        num_labels=LABELS,
    )
    return BertForMaskedLM(config) if kind == "mlm" else BertForTokenClassification(config)


def accelerator_on(device: str, *, precision: str) -> Accelerator:
    """For that device; fp32 or bf16."""
    warm_up_vector_math()
    AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(cpu=device == "cpu", mixed_precision="bf16" if precision == "bf16" else "no")


def precision_on(device: str) -> str:
    """What rows are measured with unless they say otherwise."""
    return "bf16" if device == "cuda" else "fp32"


def material(size: Size, kind: Kind, *, precision: str, steps: int | None = None, recompute: bool = False) -> Material:
    """Drawn examples, all of the full length, enough for some steps, and how to train on them."""
    batch, length = (size.mlm_batch, size.mlm_length) if kind == "mlm" else (size.batch, size.length)
    steps = steps or size.steps
    settings = FinetuneSettings(
        steps=steps, epochs=1, batch_size=batch, gradient_accumulation_steps=1, learning_rate=LEARNING_RATE,
        warmup_share=0.0, weight_decay=0.0, clip_norm=1.0, precision=precision, max_length=length, mask_share=0.15,
        schedule_spans="round", recompute=recompute,
    )  # fmt: skip
    return Material(
        _drawn(kind, batch * steps, length, size.vocabulary), NoTokenizer(size.vocabulary), settings, seed=0
    )


def _drawn(kind: Kind, examples: int, length: int, vocabulary: int) -> Encoded:
    rng = np.random.default_rng(0)
    tokens, none = examples * length, np.zeros(0, np.int64)
    return Encoded(
        kind=kind,
        token_ids=rng.integers(SPECIAL, vocabulary, size=tokens, dtype=np.int32),
        segment_ids=None,
        starts=np.arange(examples + 1) * length,
        labels=none if kind == "mlm" else rng.integers(LABELS, size=tokens),
        gold=none,
        gold_starts=np.zeros(examples + 1, np.int64),
        seen=np.zeros(0, np.bool_),
        cut=0,
    )


def trained(
    model: nn.Module,
    plan: Material,
    *,
    accelerator: Accelerator,
    on_step: Callable[[Step], Any] = lambda step: None,
) -> Steps:
    """What the project's own loop does with a model: its losses and the time of its steps."""
    steps = Steps()

    def each(step: Step) -> None:
        steps.add(step.loss)
        on_step(step)

    train_(model, plan, accelerator=accelerator, on_step=each)
    return steps


def check_close(what: str, ours: list[float], theirs: list[float], *, relative: float) -> None:
    """Raises Unequal where numbers differ by more than rounding."""
    if len(ours) != len(theirs) or not np.allclose(ours, theirs, rtol=relative, atol=0):
        raise Unequal(f"{what}: {ours} against {theirs}")


def most_apart(ours: Sequence[Any], theirs: Sequence[Any]) -> float:
    """The largest relative difference between the losses of turns."""
    pairs = zip(ours, theirs, strict=True)
    return max(abs(a / b - 1) for one, two in pairs for a, b in zip(one.losses, two.losses, strict=True))


def matmul_rate(device: str, precision: str, *, rounds: int = 5) -> float:
    """Floating-point operations a second of a large matrix product, the best of some rounds: the machine's own rate."""
    side = 8192 if device == "cuda" else 2048
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(side, side, dtype=dtype, device=device) for _ in range(2))
    best = float("inf")
    for _ in range(rounds):
        synchronise(device)
        began = time.perf_counter()
        left @ right
        synchronise(device)
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best


def operations(size: Size) -> float:
    """Floating-point operations of a training step: 6 a prunable weight and token, 12 a layer, channel and two tokens.

    Forward and twice that backward; embeddings, norms and head are left out (Kaplan et al. 2020, table 1).
    """
    tokens = size.batch * size.length
    return tokens * (6 * size.weights + 12 * size.layers * size.width * size.length)
