"""The published way, rebuilt: a plain loop, torch's prune reparametrisation, masks that pile up, rewinding by state.

As the code of Foroutan et al. 2022 does it (and that of Chen et al. 2020), on today's torch. It is here to be measured
against, and none of the project's own training, masking or selection is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, prune
from transformers import PreTrainedModel

Batch = Mapping[str, torch.Tensor]


def train_plainly_(
    model: nn.Module,
    batches: Iterable[Batch],
    *,
    steps: int,
    learning_rate: float,
    fused: bool,
    precision: str = "fp32",
    total: int | None = None,
    offset: int = 0,
    on_step: Callable[[torch.Tensor], object] = lambda loss: None,
) -> None:
    """AdamW, the rate falling linearly over `total` steps of which `offset` are past, the gradient's norm clipped at 1.

    Args:
        model: its loss is the one it computes itself from `labels`, over all of its logits.
        batches: on any device.
        steps: taken of them.
        fused: whether AdamW is torch's fused one. The published code's is not.
        precision: fp32, or bf16 by autocast.
        on_step: called with the loss after every step.
    """
    device = next(model.parameters()).device
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=learning_rate, eps=1e-8, weight_decay=0.0, fused=True if fused else None
    )
    model.train()
    for number, batch in enumerate(islice(batches, steps)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * (1 - (offset + number) / (total or steps))
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            loss = model(**{name: tensor.to(device) for name, tensor in batch.items()}).loss
        loss.backward()
        clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        on_step(loss.detach())


def prunable_modules(model: PreTrainedModel) -> list[nn.Module]:
    """The encoder's layers' linear modules, by the name of their weight as text."""
    named = {name: module for name, module in model.bert.encoder.named_modules() if isinstance(module, nn.Linear)}
    return [named[name] for name in sorted(named)]


def prune_(modules: list[nn.Module], *, round_number: int) -> None:
    """Removes 1 / (10 - k) of what is left after round k from 0, a tenth of all: by global magnitude.

    `prune.remove` is never called, so that each round adds a mask to every module's list.
    """
    places = [(module, "weight") for module in modules]
    prune.global_unstructured(places, prune.L1Unstructured, amount=1 / (10 - round_number))


def bools_of(modules: list[nn.Module]) -> list[torch.Tensor]:
    """What each module keeps."""
    return [module.weight_mask.bool() for module in modules]


def start_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """The weights to rewind to. Copies, where the published code on a CPU keeps the model's own memory."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def rewind_(model: nn.Module, start: Mapping[str, torch.Tensor], *, head: bool) -> None:
    """Loads the start's weights; masks stay, and so does the head unless it is to be rewound too."""
    state = model.state_dict()
    for name in state:
        plain = name.removesuffix("_orig")
        if plain in start and (head or plain.startswith("bert.")):
            state[name] = start[plain]
    model.load_state_dict(state)
