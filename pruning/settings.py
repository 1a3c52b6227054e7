"""The settings of this room, as plain values: read at the door by pydantic, which also checks the bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

Natural = Annotated[int, Ge(1)]


@dataclass(frozen=True)
class PruningSettings:
    """How masks are chosen, and what every round rewinds to."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    rounds: Natural
    rate: Annotated[float, Gt(0), Le(1)]
    rate_of: Literal["original", "remaining"]
    sparsities: Annotated[tuple[Annotated[float, Gt(0), Le(1)], ...], MinLen(1)] | None
    score: str
    scope: str
    also: tuple[str, ...]
    rewind: Annotated[int, Ge(0)]
    rewind_head: bool
    score_batches: Natural
    score_examples: Natural
    stop_when_stable: Annotated[float, Ge(0), Lt(1)] | None
    look_every: Natural | None
    skip_to: Annotated[float, Gt(0), Lt(1)] | None
