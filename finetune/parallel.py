"""Parallel sentences: the same ones in several languages, line by line, from every source of data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from finetune.errors import InputError
from finetune.settings import DataSettings, ParallelHub

FOLDER = "parallel"
LAYOUT = f"DIR/{FOLDER}/<lang>.txt"
SPLIT = "validation"  # of the fragment: nothing is trained on it


@dataclass(frozen=True)
class Parallel:
    """Sentences of several languages.

    Attributes:
        sentences: of each language, equally many: the i-th says the same in all of them. None is blank.
        revision: the commit the hub served; None for other sources.
    """

    sentences: dict[str, list[str]]
    revision: str | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the sentences."""
        return hashlib.sha256(json.dumps(self.sentences, ensure_ascii=False).encode()).hexdigest()


def parallel_sentences(data: DataSettings, langs: Sequence[str], *, hub: ParallelHub, limit: int | None) -> Parallel:
    """The first `limit` sentences that a source has in all of the languages; all where `limit` is None.

    `fragment` says `data.validation_examples` where there is no limit; `files` reads DATA_ROOT/parallel/<lang>.txt, a
    sentence a line; `hub` reads the data set that `hub` describes, which must have the languages in one configuration.

    Raises:
        InputError: no such source, file, data set or language; a blank line; files of other lengths.
    """
    if data.source not in SOURCES:
        raise InputError(f"data={data.source}: has no parallel sentences; choose one of: {', '.join(SOURCES)}")
    found = SOURCES[data.source](data, langs, hub, limit)
    if not all(found.sentences.values()):
        raise InputError(f"data={data.source}: found no parallel sentences of {', '.join(langs)}")
    return found


def _of_fragment(data: DataSettings, langs: Sequence[str], _hub: ParallelHub, limit: int | None) -> Parallel:
    from finetune.fragment.corpora import sentences
    from finetune.fragment.grammars import grammar_of
    from finetune.fragment.say import text_of

    size = limit or data.validation_examples
    if size is None:
        raise InputError("the embedded fragment has no end; say how many sentences: parallel.sentences=NUMBER")
    for lang in langs:
        grammar_of(lang)
    said = {lang: sentences("parallel", lang, SPLIT, size, data.seed or 0) for lang in langs}
    return Parallel({lang: [text_of(words) for words in each] for lang, each in said.items()})


def _of_files(data: DataSettings, langs: Sequence[str], _hub: ParallelHub, limit: int | None) -> Parallel:
    from finetune.formats import numbered_lines

    if data.root is None:
        raise InputError(f"data.root is not set: data=files reads {LAYOUT}; set data.root=DIR")
    folder = Path(data.root).expanduser() / FOLDER
    if not folder.is_dir():
        raise InputError(
            f"data.root={data.root}: found no folder {FOLDER!r}; parallel sentences are read from {LAYOUT}"
        )
    there = sorted(path.stem for path in folder.glob("*.txt"))
    read: dict[str, list[str]] = {}
    for lang in langs:
        if lang not in there:
            raise InputError(f"lang={lang}: {folder} has no file {lang}.txt; it has: {', '.join(there) or 'none'}")
        path = folder / f"{lang}.txt"
        read[lang] = [_text(line, where=f"{path}:{number}") for number, line in numbered_lines(path)]
    lengths = {f"{lang}.txt": len(lines) for lang, lines in read.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise InputError(f"{folder}: lines found: {found}; expected equally many, line i the same sentence in all")
    if not all(lengths.values()):
        raise InputError(f"{folder}: {', '.join(lengths)}: empty; expected a sentence a line")
    return Parallel({lang: lines[:limit] for lang, lines in read.items()})


def _of_hub(_data: DataSettings, langs: Sequence[str], hub: ParallelHub, limit: int | None) -> Parallel:
    from finetune.hub_parallel import placed_rows

    rows, revision = placed_rows(hub, langs)
    read: dict[str, list[str]] = {lang: [] for lang in langs}
    for where, row in islice(rows, limit):
        for lang in langs:
            if lang not in row:
                raise InputError(f"lang={lang}: {where} has no {lang}; it has: {', '.join(row)}")
            read[lang].append(_text(row[lang], where=f"{where}, {lang}"))
    return Parallel(read, revision)


def _text(value: object, *, where: str) -> str:
    """A sentence, which is never passed over: those after it would lose their partners."""
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: found {value!r}; expected a sentence, as line i must be one in every language")
    return value.strip()


Reader = Callable[[DataSettings, Sequence[str], ParallelHub, int | None], Parallel]
SOURCES: dict[str, Reader] = {"fragment": _of_fragment, "files": _of_files, "hub": _of_hub}
