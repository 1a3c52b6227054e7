"""The file formats a user's own data may have, each read row by row, and the table of them."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from finetune.errors import InputError
from finetune.records import TREEBANK_COLUMNS, Record, check_columns, columns_of, rows_of, tagged_words
from finetune.sources import Row
from finetune.tasks import Kind, Task

Reader = Callable[[Path, Task], Iterator[Row]]
NumberedLines = Iterator[tuple[int, str]]

CONLLU_COLUMNS = 10
PARQUET_ROWS_AT_ONCE = 1000


def read_tsv(path: Path, task: Task) -> Iterator[Row]:
    """Columns parted by tabs under a header; quotes are text."""
    return rows_of(_tsv_records(path, task), task)


def read_conll(path: Path, task: Task) -> Iterator[Row]:
    """A word a line, first column the word and last its tag, columns parted by tabs or else by spaces.

    A blank line ends a sentence. Passed over: `-DOCSTART-` lines and comments, which start with "# ", hold no tab and
    do not end in a tag.
    """
    expected = 0
    for sentence in _sentences(path):
        words = []
        for number, line in sentence:
            columns = line.split("\t") if "\t" in line else re.split(" +", line.strip(" "))
            if columns[0] == "-DOCSTART-" or _is_comment(line, last=columns[-1], labels=task.labels):
                continue
            expected = expected or max(len(columns), 2)
            _check_count(columns, expected, "a word first and its tag last", where=f"{path}:{number}")
            words.append((f"{path}:{number}", columns[0], columns[-1]))
        row = tagged_words(words, task)
        if row is not None:
            yield row


def read_conllu(path: Path, task: Task) -> Iterator[Row]:
    """CoNLL-U: the words of each sentence, without the ranges of multi-word tokens and without empty nodes."""
    import conllu
    from conllu.parser import parse_id_value

    if task.label_column not in TREEBANK_COLUMNS:
        raise InputError(
            f"{path}: CoNLL-U has no {task.label_column}, which {task.name} reads; "
            f"it has: {', '.join(TREEBANK_COLUMNS)}; give {task.name} as .conll"
        )
    for sentence in _sentences(path):
        lines = [(number, line) for number, line in sentence if not line.startswith("#")]
        for number, line in lines:
            _check_count(line.split("\t"), CONLLU_COLUMNS, "parted by tabs", where=f"{path}:{number}")
        try:
            # Only the id is interpreted: a fault in a column that is not used is no fault here.
            parsed = conllu.parse(
                "\n".join(line for _, line in lines), field_parsers={"id": lambda cells, at: parse_id_value(cells[at])}
            )
        except conllu.exceptions.ParseException as error:
            raise InputError(f"{path}, sentence at line {sentence[0][0]}: {error}") from error
        tokens = zip(lines, chain.from_iterable(parsed), strict=True)
        words = [
            (f"{path}:{number}", token["form"], token[task.label_column])
            for (number, _), token in tokens
            if isinstance(token["id"], int)  # a range or an empty node has a tuple
        ]
        row = tagged_words(words, task)
        if row is not None:
            yield row


def read_txt(path: Path, task: Task) -> Iterator[Row]:
    """A text a line; blank lines are passed over."""
    return rows_of(((f"{path}:{number}", {task.columns[0]: line}) for number, line in numbered_lines(path)), task)


def read_jsonl(path: Path, task: Task) -> Iterator[Row]:
    """A JSON object a line, with the columns the hub's data set has."""
    return rows_of(_jsonl_records(path, task), task)


def read_parquet(path: Path, task: Task) -> Iterator[Row]:
    """A table with the columns the hub's data set has; label names from its metadata where `datasets` wrote it."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as table:
            check_columns(table.schema_arrow.names, task, where=str(path))
            batches = table.iter_batches(PARQUET_ROWS_AT_ONCE, columns=columns_of(task))
            records = (record for batch in batches for record in batch.to_pylist())
            placed = ((f"{path}, row {number}", record) for number, record in enumerate(records, 1))
            yield from rows_of(placed, task, names=_parquet_label_names(table.schema_arrow.metadata, task))
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable parquet file: {' '.join(str(error).split())}") from error


READERS: dict[Kind, dict[str, Reader]] = {
    "sentence": {".tsv": read_tsv, ".jsonl": read_jsonl, ".parquet": read_parquet},
    "token": {".conll": read_conll, ".conllu": read_conllu, ".jsonl": read_jsonl, ".parquet": read_parquet},
    "mlm": {".txt": read_txt, ".jsonl": read_jsonl, ".parquet": read_parquet},
}


def _tsv_records(path: Path, task: Task) -> Iterator[tuple[str, Record]]:
    # Not the csv module: without quoting it adds nothing but a limit on the length of a field.
    lines = ((number, line.split("\t")) for number, line in numbered_lines(path) if line)
    number, header = next(lines, (0, []))
    if header:
        check_columns(header, task, where=f"{path}:{number}, the header")
    for number, cells in lines:
        _check_count(cells, len(header), ", ".join(header), where=f"{path}:{number}")
        yield f"{path}:{number}", dict(zip(header, cells, strict=True))


def _jsonl_records(path: Path, task: Task) -> Iterator[tuple[str, Record]]:
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            json.dumps(record, ensure_ascii=False).encode()  # half a surrogate pair is fine in JSON, but it is no text
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}:{number}: not JSON: {error}") from error
        if not isinstance(record, dict):
            raise InputError(f"{path}:{number}: {type(record).__name__}; expected a JSON object")
        check_columns(record, task, where=f"{path}:{number}")
        yield f"{path}:{number}", record


def _parquet_label_names(metadata: dict[bytes, bytes] | None, task: Task) -> list[str]:
    """The label names that `datasets` writes beside a table of integers; empty where there are none."""
    features = json.loads((metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    feature: Any = features.get(task.label_column, {})
    inner = feature[0] if isinstance(feature, list) else feature.get("feature", feature)
    return list(inner.get("names", []))


def _is_comment(line: str, *, last: str, labels: tuple[str, ...]) -> bool:
    """Whether a line is a remark; a number sign may also be a word, which a tab or its tag gives away."""
    return line.startswith("# ") and "\t" not in line and last not in labels


def _sentences(path: Path) -> Iterator[list[tuple[int, str]]]:
    """Runs of lines between blank ones."""
    for blank, lines in groupby(numbered_lines(path), key=lambda numbered: not numbered[1].strip(" \t")):
        if not blank:
            yield list(lines)


def numbered_lines(path: Path) -> NumberedLines:
    """The numbered lines of a UTF-8 file, without their ends and without a byte order mark.

    Bytes are parted first and decoded after: only LF and CRLF end a line, whatever else Unicode counts as a line's end
    stays in the text, and a bad byte is found on its own line.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                text = line.removeprefix(codecs.BOM_UTF8 if number == 1 else b"").decode("utf-8")
                yield number, text.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{number}: not UTF-8: {error.reason} at byte {error.start + 1} of the line") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _check_count(columns: list[str], expected: int, meaning: str, *, where: str) -> None:
    if len(columns) != expected:
        raise InputError(f"{where}: columns found: {len(columns)}, expected: {expected} ({meaning})")
