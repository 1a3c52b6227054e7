"""Where examples come from: what a row is, what every source offers, and the table of sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from finetune.errors import InputError
from finetune.settings import DataSettings
from finetune.tasks import Task

SPLITS = ("train", "validation", "test")

# Modules, not functions: a source's libraries are imported when that source is asked for, and only then.
SOURCES: dict[str, str] = {
    "fragment": "finetune.fragment.corpora",
    "files": "finetune.files",
    "hub": "finetune.hub_data",
}


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A row of a `sentence` task: one or two texts and the index of their label."""

    texts: tuple[str, ...]
    label: int


@dataclass(frozen=True, slots=True)
class TaggedWords:
    """A row of a `token` task: the words of a sentence and the index of each one's label."""

    words: tuple[str, ...]
    tags: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A row of an `mlm` task: a text, or one in two parts that a model reads as two segments."""

    text: str
    following: str | None = None


Row = LabelledText | TaggedWords | Document


@dataclass(frozen=True, slots=True)
class Split:
    """One split of a data set.

    Attributes:
        rows: read from disk as they are asked for, and once; a fault in a row raises InputError when it is reached.
        revision: the commit the hub served; None for files.
        content: stands for all that the rows are read from, without reading them as rows: beside the same code, task,
            language, split and limit it is the same only for the same rows. None where to find out would take longer
            than to encode them.
    """

    rows: Iterator[Row]
    revision: str | None
    content: Callable[[], str | None]


class OpenSplit(Protocol):
    """What the module of every source offers under the name `open_split`."""

    def __call__(self, data: DataSettings, task: Task, lang: str, split: str) -> Split | None:
        """The rows of a split; None for a test split that is not there."""


def open_split(data: DataSettings, task: Task, lang: str, split: str) -> Split | None:
    """The rows of `train`, `validation` or `test`; None where the source has no test split.

    Raises:
        InputError: no such source, language or split, a split without rows, or a row that cannot be used.
    """
    if split not in SPLITS:
        raise InputError(f"no split is called {split!r}; choose one of: {', '.join(SPLITS)}")
    return source_called(data.source)(data, task, lang, split)


def source_called(name: str) -> OpenSplit:
    """The source with this name."""
    if name not in SOURCES:
        raise InputError(f"data={name}: no source is called {name!r}; choose one of: {', '.join(SOURCES)}")
    return cast(OpenSplit, import_module(SOURCES[name]).open_split)
