"""Scores: what each weight is worth. The weights with the highest scores are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from pruning.errors import InputError

FINITE_PATTERNS = 0x7F800000  # 2**31 - 2**23: how many float32 bit patterns are finite and not negative


@dataclass(frozen=True)
class Evidence:
    """What a score may look at: the prunable weights by name, at three times, and their gradients.

    `trained`: after the round's training; `start`: what the round rewound to; `base`: the pre-trained weights;
    `gradients`: computes the gradients of the training loss at `trained` when first asked, to be kept by the caller;
    `squared_gradients`: likewise the mean over training examples of the squared gradient of an example's own loss, at
    `start` under the round's mask; `seed`: for scores that draw.
    """

    trained: Mapping[str, torch.Tensor]
    start: Mapping[str, torch.Tensor]
    base: Mapping[str, torch.Tensor]
    gradients: Callable[[], Mapping[str, torch.Tensor]]
    squared_gradients: Callable[[], Mapping[str, torch.Tensor]]
    seed: int


Score = Callable[[str, Evidence], torch.Tensor]


def magnitude(name: str, evidence: Evidence) -> torch.Tensor:
    """|w| after training (Han et al. 2015; Foroutan et al. 2022). The matrix's shape and type, 0 or more."""
    return evidence.trained[name].detach().abs()


def magnitude_change(name: str, evidence: Evidence) -> torch.Tensor:
    """|w - w at the start|: how far training moved it (as in LT-SFT, Ansell et al. 2022). 0 or more."""
    trained = evidence.trained[name].detach()
    return (trained - evidence.start[name].detach().to(trained.device)).abs()


def taylor(name: str, evidence: Evidence) -> torch.Tensor:
    """|w * gradient|: to first order, how much the loss would change without it (Molchanov et al. 2019). 0 or more.

    Molchanov et al. square the product, which ranks alike.
    """
    return (evidence.trained[name].detach() * evidence.gradients()[name].detach()).abs()


def fisher(name: str, evidence: Evidence) -> torch.Tensor:
    """The diagonal of the empirical Fisher information before training (the FISH mask, Sung et al. 2021). 0 or more.

    (1/N) sum_i (d log p(y_i | x_i) / dw)^2 over N training examples with their true labels: how far the prediction
    would move with the weight. Of a text with several labels, log p is their mean, as in the loss. Taken at the weights
    that rounds rewind to, their own head included, also where a round goes on with the head of the round before.
    """
    return evidence.squared_gradients()[name].detach()


def base_magnitude(name: str, evidence: Evidence) -> torch.Tensor:
    """|w| of the pre-trained weight: what the `oneshot` control ranks by. 0 or more."""
    return evidence.base[name].detach().abs()


def random_order(name: str, evidence: Evidence) -> torch.Tensor:
    """Scores that know nothing: the same in every round of a seed, so that its masks are nested. See `drawn_scores`."""
    return drawn_scores(tuple(evidence.base[name].shape), name=name, seed=evidence.seed)


SCORES: dict[str, Score] = {
    "magnitude": magnitude,
    "magnitude_change": magnitude_change,
    "taylor": taylor,
    "fisher": fisher,
    "base_magnitude": base_magnitude,
    "random": random_order,
}
NEEDS_TRAINING = frozenset({"magnitude", "magnitude_change", "taylor"})
NEEDS_GRADIENTS = frozenset({"taylor", "fisher"})


def score_called(name: str) -> Score:
    """The score of that name.

    Raises:
        InputError: no score is called so.
    """
    if name not in SCORES:
        raise InputError(f"no score is called {name!r}; choose one of: {', '.join(SCORES)}")
    return SCORES[name]


def drawn_scores(shape: tuple[int, ...], *, name: str, seed: int) -> torch.Tensor:
    """Random scores of a matrix, float32 on the CPU, the same for the same name and seed.

    Uniform over all 2**31 - 2**23 bit patterns of finite non-negative float32, not over a range of values: selection
    ranks patterns, and two weights tie with a chance of one in two billion.
    """
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little"))
    return torch.randint(FINITE_PATTERNS, shape, generator=generator, dtype=torch.int32).view(torch.float32)
