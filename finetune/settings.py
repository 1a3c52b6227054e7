"""The settings of this room, as plain values: read at the door by pydantic, which also checks the bounds."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

Natural = Annotated[int, Ge(1)]


@dataclass(frozen=True)
class ModelSettings:
    """Which base to load: a folder or a hub id, at which revision."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: str
    label: str | None = None
    revision: str | None = None


@dataclass(frozen=True)
class DataSettings:
    """Where examples come from, and how many of each split are used (all where null); `seed`: of drawn corpora.

    `cache` is a folder where examples are kept once they are encoded; None: they are not kept.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    source: str
    root: str | None = None
    revision: str | None = None
    seed: Annotated[int, Ge(0)] | None = None
    train_examples: Natural | None = None
    validation_examples: Natural | None = None
    test_examples: Natural | None = None
    cache: Annotated[str, MinLen(1)] | None = None

    def examples(self, split: str) -> int | None:
        """How many examples of a split are used; None: all."""
        sizes = {"train": self.train_examples, "validation": self.validation_examples, "test": self.test_examples}
        return sizes[split]


@dataclass(frozen=True)
class ParallelHub:
    """A data set of the hub whose rows hold a sentence in two languages, as parquet.

    Attributes:
        path: its id.
        revision: a branch, tag or commit; None: main.
        files: the files that are read; {config} is filled in.
        column: the column that holds a mapping from languages to their sentences.
        configs: the configuration that has a language, beside one that is in all of them.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    path: str
    revision: str | None
    files: str
    column: str
    configs: dict[str, str]


@dataclass(frozen=True)
class FinetuneSettings:
    """How one round is trained."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    steps: Natural | None
    epochs: Natural
    batch_size: Natural
    gradient_accumulation_steps: Natural
    learning_rate: Annotated[float, Gt(0), Lt(inf)]
    warmup_share: Annotated[float, Ge(0), Le(1)]
    weight_decay: Annotated[float, Ge(0), Lt(inf)]
    clip_norm: Annotated[float, Gt(0)]
    precision: Literal["fp32", "bf16"]
    max_length: Annotated[int, Ge(8)]
    mask_share: Annotated[float, Gt(0), Le(1)]
    schedule_spans: Literal["round", "run"]
    recompute: bool = False
    checkpoint_every: Natural | None = None
    tracker: Literal["tensorboard"] | None = None


@dataclass(frozen=True)
class PretrainSettings:
    """The encoder that `step=pretrain` makes, and how."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    languages: tuple[str, ...]
    documents: Natural
    vocabulary: Natural
    vocabulary_documents: Natural
    layers: Natural
    width: Natural
    heads: Natural
    feed_forward: Natural
    dropout_rate: Annotated[float, Ge(0), Lt(1)]
    sampling_exponent: Annotated[float, Ge(0), Le(1)]
    weights: Literal["fp16", "fp32"]
    training: FinetuneSettings
