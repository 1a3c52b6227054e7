"""Records by column name, as the hub and tables hold them, to rows: the one place where a row is checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from finetune.errors import InputError
from finetune.sources import Document, LabelledText, Row, TaggedWords
from finetune.tasks import Kind, Task

Record = Mapping[str, object]

# Columns of Universal Dependencies, where "_" says that a word has no value. The hub gives it to the surface form of a
# multi-word token, whose parts follow as words of their own; some treebanks also leave real words without a tag.
TREEBANK_COLUMNS = ("upos", "xpos", "deprel")
NO_TAG = "_"


def rows_of(records: Iterable[tuple[str, Record]], task: Task, *, names: Sequence[str] = ()) -> Iterator[Row]:
    """The row of each record, each record given with the place to name where it cannot be used.

    `names` are the data set's own label names, which its integers count; without them integers count the task's
    labels. Documents without text, sentences without a tagged word and words tagged "_" in a treebank are passed over.

    Raises:
        InputError: a column is missing, empty or of another type, or a label is not among the task's.
    """
    row_of = _ROWS[task.kind]
    for where, record in records:
        row = row_of(record, task, names=names, where=where)
        if row is not None:
            yield row


def tagged_words(
    words: Iterable[tuple[str, object, object]], task: Task, *, names: Sequence[str] = ()
) -> TaggedWords | None:
    """The row of a sentence given as (place, word, label) for each word; None if no word of it is tagged."""
    kept = []
    for where, word, label in words:
        if not isinstance(word, str) or not word.strip(" \t"):
            raise InputError(f"{where}: {word!r} stands for a word; expected text")
        name = _name(label, names)
        if name != NO_TAG or task.label_column not in TREEBANK_COLUMNS:
            kept.append((word, _label_id(name, task, where=where)))
    return TaggedWords(tuple(word for word, _ in kept), tuple(tag for _, tag in kept)) if kept else None


def some_rows(rows: Iterator[Row], *, where: str) -> Iterator[Row]:
    """The same rows; the first is read at once, so that a split without any is found out here.

    Raises:
        InputError: there is no row.
    """
    first = next(rows, None)
    if first is None:
        raise InputError(f"{where}: has no rows")
    return chain([first], rows)


def columns_of(task: Task) -> list[str]:
    """The columns that a record of the task has, the label last."""
    return [*task.columns] if task.label_column is None else [*task.columns, task.label_column]


def check_columns(found: Iterable[str], task: Task, *, where: str) -> None:
    """Stops unless every column of the task is among those found."""
    there = list(found)
    missing = [column for column in columns_of(task) if column not in there]
    if missing:
        raise InputError(
            f"{where}: no column {' or '.join(map(repr, missing))}, which {task.name} reads; "
            f"found: {', '.join(there) or 'none'}"
        )


def _labelled_text(record: Record, task: Task, *, names: Sequence[str], where: str) -> LabelledText:
    texts = tuple(_text(record, column, where=where) for column in task.columns)
    if not any(text.strip() for text in texts):
        raise InputError(f"{where}: no text in {' or '.join(task.columns)}")
    name = _name(_value(record, task.label_column, where=where), names)
    return LabelledText(texts, _label_id(name, task, where=where))


def _tagged_words(record: Record, task: Task, *, names: Sequence[str], where: str) -> TaggedWords | None:
    words = _list(record, task.columns[0], where=where)
    labels = _list(record, task.label_column, where=where)
    if not words or len(words) != len(labels):
        raise InputError(
            f"{where}: {len(words)} in {task.columns[0]} and {len(labels)} in {task.label_column}; "
            "expected one label a word and at least one word"
        )
    return tagged_words(((where, word, label) for word, label in zip(words, labels, strict=True)), task, names=names)


def _document(record: Record, task: Task, *, where: str, **_: object) -> Document | None:
    text = _text(record, task.columns[0], where=where)
    return Document(text) if text.strip() else None


_ROWS: dict[Kind, Callable[..., Row | None]] = {
    "sentence": _labelled_text,
    "token": _tagged_words,
    "mlm": _document,
}


def _name(label: object, names: Sequence[str]) -> object:
    """The name that a data set's integer stands for; other labels as they are."""
    if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(names):
        return names[label]
    return label


def _label_id(label: object, task: Task, *, where: str) -> int:
    """The index of a label among the task's, given by name, integer, or integer in writing."""
    if isinstance(label, str) and label not in task.labels and re.fullmatch("[0-9]{1,9}", label):
        label = int(label)
    if isinstance(label, bool) or not isinstance(label, int | str):
        raise InputError(f"{where}: label {label!r}; expected a name or an integer")
    if isinstance(label, int) and task.label_column in TREEBANK_COLUMNS:
        # The hub's integers count "_" too and a user's own may not: tags would be taken for others in silence.
        raise InputError(f"{where}: label {label}; {task.label_column} wants names, as integers have no one meaning")
    return task.label_id(label, where=where)


def _value(record: Record, column: str | None, *, where: str) -> object:
    value = record.get(column or "")
    if value is None:
        raise InputError(f"{where}: no value in {column}")
    return value


def _text(record: Record, column: str, *, where: str) -> str:
    value = _value(record, column, where=where)
    if not isinstance(value, str):
        raise InputError(f"{where}: {type(value).__name__} in {column}; expected text")
    return value


def _list(record: Record, column: str | None, *, where: str) -> list[object]:
    value = _value(record, column, where=where)
    if not isinstance(value, list | tuple):
        raise InputError(f"{where}: {type(value).__name__} in {column}; expected a list")
    return list(value)
