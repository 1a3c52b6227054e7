"""The examples of a run: every split of a task in a language or a mix of languages, as the base reads them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from finetune.base_model import Base
from finetune.blind import check_asks
from finetune.examples import Encoded, encode, joined, with_fixed_masks
from finetune.recipe import recipe_of
from finetune.sources import SPLITS, Split, open_split
from subnets.errors import InputError
from subnets.kept_examples import Found, found_or_made
from subnets.settings import Settings

EVALUATION_MASK_SEED = 0  # the masks of mlm's validation and test are the same for every seed of a run


@dataclass(frozen=True)
class Data:
    """The splits of a task in a language, as the base reads them; `test` is None where the source has none.

    `notes` are what is to be said of how they were read.
    """

    train: Encoded
    validation: Encoded
    test: Encoded | None
    revision: str | None
    notes: tuple[str, ...] = ()

    def splits(self) -> dict[str, Encoded]:
        """The splits there are, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in named.items() if split is not None}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the fingerprints of all splits."""
        prints = {name: split.fingerprint for name, split in self.splits().items()}
        return hashlib.sha256(json.dumps(prints).encode()).hexdigest()


def read_data(settings: Settings, base: Base) -> Data:
    """The splits, encoded; the masks of mlm's validation and test drawn.

    Of a mix (`lang=en+fa`) each language gives its share of the examples of every split, in the order of their names;
    shares differ by one at most. A mix has a test split where all its languages have one.

    Raises:
        InputError: a split cannot be read, train or validation is missing, what is scored asks nothing, or a mix names
            a language twice.
    """
    languages = settings.languages
    if len(set(languages)) < len(languages):
        raise InputError(f"lang={settings.lang}: names a language twice; name each once")
    parts = [_of_language(own, base) for own in _own_settings(settings)]
    whole = {name: _joined([part.splits[name] for part in parts]) for name in SPLITS}
    train, validation = whole["train"], whole["validation"]
    if train is None or validation is None:
        raise InputError(f"data={settings.data.source}: {settings.task.name} needs a train and a validation split")
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    return Data(train, validation, whole["test"], parts[0].revision, tuple(notes))


def read_train(settings: Settings, base: Base) -> Encoded:
    """The training examples alone, as `read_data` reads them.

    Raises:
        InputError: they cannot be read, or there are none.
    """
    parts = [_of_language(own, base, only=("train",)) for own in _own_settings(settings)]
    train = _joined([part.splits["train"] for part in parts])
    if train is None:
        raise InputError(f"data={settings.data.source}: {settings.task.name} has no train split for {settings.lang}")
    return train


def shared_out(total: int | None, parts: int) -> list[int | None]:
    """A number of examples in parts that differ by one at most, the larger ones first; None, which means all, as it is.

    >>> shared_out(10, 4)
    [3, 3, 2, 2]
    """
    if total is None:
        return [None] * parts
    return [total // parts + (part < total % parts) for part in range(parts)]


def _own_settings(settings: Settings) -> list[Settings]:
    """The settings of each language of a mix: its name, and its share of the examples."""
    languages, data = settings.languages, settings.data
    shares = zip(
        shared_out(data.train_examples, len(languages)),
        shared_out(data.validation_examples, len(languages)),
        shared_out(data.test_examples, len(languages)),
        strict=True,
    )
    found = []
    for lang, (train, validation, test) in zip(languages, shares, strict=True):
        if 0 in (train, validation, test):
            raise InputError(f"lang={settings.lang}: fewer examples than languages; raise data.*_examples")
        own = replace(data, train_examples=train, validation_examples=validation, test_examples=test)
        found.append(replace(settings, lang=lang, data=own))
    return found


@dataclass(frozen=True)
class _Part:
    """The splits of one language, the commit that the training examples came from, and what is to be said."""

    splits: dict[str, Encoded | None]
    revision: str | None
    notes: tuple[str, ...]


def _of_language(settings: Settings, base: Base, *, only: Sequence[str] = SPLITS) -> _Part:
    """Each split of one language; None for what is not there."""
    splits: dict[str, Encoded | None] = dict.fromkeys(SPLITS)
    revision, notes = None, []
    for name in only:
        split = open_split(settings.data, settings.task, settings.lang, name)
        if split is None:
            continue
        found = _encoded(split, name, settings, base)
        examples = found.examples
        if settings.task.kind == "mlm" and name != "train":
            share = settings.finetune.mask_share
            examples = with_fixed_masks(examples, tokenizer=base.tokenizer, share=share, seed=EVALUATION_MASK_SEED)
        if name != "train":
            check_asks(examples, settings.task, where=f"{settings.task.name}, {settings.lang}, {name}")
        splits[name] = examples
        revision = split.revision if name == "train" else revision
        notes += [found.note] if found.note else []
    return _Part(splits, revision, tuple(notes))


def _encoded(split: Split, name: str, settings: Settings, base: Base) -> Found:
    """A split's examples, encoded by this process or by one before it."""
    data, task = settings.data, settings.task
    asked: dict[str, Any] = {
        "tokenizer": base.tokenizer, "segments": base.segments, "max_length": settings.finetune.max_length,
        "limit": data.examples(name),
    }  # fmt: skip
    recipe = partial(recipe_of, split, task, lang=settings.lang, name=name, **asked)

    def make() -> Encoded:
        # Opened again, after the recipe was told: of a file that was replaced since, `split` would still read the old.
        opened = open_split(data, task, settings.lang, name) or split
        return encode(opened.rows, task, where=f"data={data.source}, {task.name}, {settings.lang}, {name}", **asked)

    return found_or_made(recipe, make, cache=data.cache, vocabulary=len(base.tokenizer))


def _joined(parts: Sequence[Encoded | None]) -> Encoded | None:
    there = [part for part in parts if part is not None]
    return joined(there) if len(there) == len(parts) else None
