"""Parallel sentences of the embedded world and of files: line i is the same sentence everywhere, or it is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from finetune.errors import InputError
from finetune.fragment.corpora import sentences
from finetune.fragment.words import Word
from finetune.parallel import Parallel, parallel_sentences
from finetune.settings import DataSettings, ParallelHub

REAL = os.environ.get("SUBNETS_REAL")
HUB = ParallelHub("nobody/nothing", None, "{config}/test-*.parquet", "translation", {"fr": "fr-en"})


def read(data: DataSettings, *langs: str, limit: int | None = None) -> Parallel:
    return parallel_sentences(data, langs, hub=HUB, limit=limit)


def files(root: Path, **texts: str) -> DataSettings:
    """A source of files with a text a language."""
    (root / "parallel").mkdir(parents=True, exist_ok=True)
    for lang, text in texts.items():
        (root / "parallel" / f"{lang}.txt").write_text(text, encoding="utf-8", newline="")
    return DataSettings("files", root=str(root))


def fragment(**sizes: int) -> DataSettings:
    return DataSettings("fragment", seed=0, **sizes)


def test_the_fragment_says_the_same_meanings_line_by_line():
    found = read(fragment(validation_examples=20), "de", "zh").sentences
    assert [len(lines) for lines in found.values()] == [20, 20]
    named = {
        lang: [sorted(word.gloss for word in said if word.entity != "O") for said in said_in(lang)] for lang in found
    }
    assert named["de"] == named["zh"]
    assert any(named["de"])


def said_in(lang: str) -> list[list[Word]]:
    """The same sentences word by word."""
    return list(sentences("parallel", lang, "validation", 20, 0))


def test_as_many_are_said_as_asked_for_and_the_first_are_the_same():
    many = read(fragment(validation_examples=20), "en", "fr").sentences
    few = read(fragment(validation_examples=20), "en", "fr", limit=5).sentences
    assert few == {lang: lines[:5] for lang, lines in many.items()}


def test_the_fragment_wants_a_number_and_a_language_it_speaks():
    with pytest.raises(InputError, match="has no end; say how many sentences"):
        read(fragment(), "en", "fr")
    with pytest.raises(InputError, match="xx"):
        read(fragment(validation_examples=5), "en", "xx")


def test_files_are_read_line_by_line_in_the_order_asked_for(tmp_path):
    data = files(tmp_path, de="eins\r\nzwei\u2028immer noch zwei\r\n", sw="moja\nmbili", fr="un\n")
    found = read(data, "sw", "de")
    assert list(found.sentences) == ["sw", "de"]
    assert found.sentences == {"sw": ["moja", "mbili"], "de": ["eins", "zwei\u2028immer noch zwei"]}
    assert found.revision is None
    assert read(data, "sw", "de", limit=1).sentences == {"sw": ["moja"], "de": ["eins"]}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"de": "eins\nzwei\n", "sw": "moja\n"}, r"lines found: de.txt 2, sw.txt 1; expected equally many"),
        ({"de": "", "sw": ""}, r"de.txt, sw.txt: empty; expected a sentence a line"),
        ({"de": "eins\n\ndrei\n", "sw": "moja\nmbili\ntatu\n"}, r"de.txt:2: found ''; expected a sentence"),
        ({"de": "eins\n", "fr": "un\n"}, r"lang=sw: .*parallel has no file sw.txt; it has: de, fr"),
        ({"de": "eins\n", "sw": "moja\n\n"}, r"sw.txt:2: found ''"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(tmp_path, texts, said):
    with pytest.raises(InputError, match=said):
        read(files(tmp_path, **texts), "de", "sw")


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match=r"data.root is not set: data=files reads DIR/parallel/<lang>.txt"):
        read(DataSettings("files"), "de", "sw")
    with pytest.raises(InputError, match=r"found no folder 'parallel'; parallel sentences are read from DIR/parallel"):
        read(DataSettings("files", root=str(tmp_path)), "de", "sw")
    with pytest.raises(InputError, match="data=web: has no parallel sentences; choose one of: fragment, files, hub"):
        read(DataSettings("web"), "de", "sw")


@pytest.mark.skipif(REAL is None, reason="SUBNETS_REAL names no folder of real data")
def test_real_parallel_files_are_as_long_as_their_description_says():
    data = DataSettings("files", root=str(REAL))
    found = read(data, *["en", "fr", "de", "zh", "ru", "es", "fa", "ur", "ar", "hi", "sw"]).sentences
    assert {len(lines) for lines in found.values()} == {1997}
    assert found["en"][0] == "Welsh AMs worried about 'looking like muppets'"
