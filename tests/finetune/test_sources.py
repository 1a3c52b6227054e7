"""The source `files`: what each format holds, and what each fault is called; and the table of sources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from pyarrow import table as table_of
from tasks_of_conf import task_called

from finetune.errors import InputError
from finetune.settings import DataSettings
from finetune.sources import SPLITS, Document, LabelledText, Row, TaggedWords, open_split

REAL = os.environ.get("SUBNETS_REAL")
real_data = pytest.mark.skipif(REAL is None, reason="SUBNETS_REAL names no folder of real data")

HEADER = "premise\thypothesis\tlabel\n"
CONLLU = """\
# sent_id = 1
# text = im Haus .
1-2\tim\t_\t_\t_\t_\t_\t_\t_\t_
1\tin\tin\tADP\t_\t_\t3\tcase\t_\t_
2\tdem\tder\tDET\t_\t_\t3\tdet\t_\t_
3\tHaus\tHaus\tNOUN\t_\t_\t0\troot\t_\t_
3.1\tsteht\tstehen\tVERB\t_\t_\t_\t_\t_\t_
4\t.\t.\tPUNCT\t_\t_\t3\tpunct\t_\t_

1\t#\t#\tSYM\t_\t_\t0\troot\t_\t_
2\tfolgt\t_\t_\t_\t_\t_\t_\t_\t_
"""


def write(root: Path, name: str, content: str | bytes) -> Path:
    """A file below the data's root."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_parquet(root: Path, name: str, *, names: list[str] | None = None, **columns: list[object]) -> Path:
    """A parquet file, with the label names where `datasets` would put them."""
    table = table_of(columns)
    if names:
        label = {"names": names, "_type": "ClassLabel"}
        features = {"label": label, "upos": {"feature": label, "_type": "List"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path)
    return path


def read(root: Path, task: str, split: str = "train", lang: str = "de") -> list[Row]:
    """All rows of a split of the files below `root`."""
    found = open_split(DataSettings(source="files", root=str(root)), task_called(task), lang, split)
    assert found is not None
    assert found.revision is None
    return list(found.rows)


def complaint(root: Path, task: str, split: str = "train", lang: str = "de") -> str:
    """What is said of a split that cannot be used: one line."""
    with pytest.raises(InputError) as caught:
        read(root, task, split, lang)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- what the formats hold


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(HEADER + "a b\tc\tneutral\n", [(("a b", "c"), 1)], id="a label by name"),
        pytest.param(HEADER + "a\tb\t2\n", [(("a", "b"), 2)], id="a label by integer"),
        pytest.param(HEADER + 'a "b\tc"\tneutral\n', [(('a "b', 'c"'), 1)], id="quotes are text"),
        pytest.param("\ufeff" + HEADER + "a\tb\t0\n", [(("a", "b"), 0)], id="byte order mark"),
        pytest.param((HEADER + "a\tb\t0\n").replace("\n", "\r\n"), [(("a", "b"), 0)], id="CRLF"),
        pytest.param(HEADER + "a\tb\t0", [(("a", "b"), 0)], id="no newline at the end"),
        pytest.param(HEADER + "a\tb\t0\n\n\n", [(("a", "b"), 0)], id="blank lines at the end"),
        pytest.param(HEADER + "a\t\t0\n", [(("a", ""), 0)], id="one text of the pair is empty"),
        pytest.param("id\tlabel\thypothesis\tpremise\n7\t1\tb\ta\n", [(("a", "b"), 1)], id="columns in another order"),
    ],
)
def test_a_tsv_row_has_its_texts_and_label(tmp_path, content, expected):
    write(tmp_path, "xnli/de/train.tsv", content)
    assert read(tmp_path, "xnli") == [LabelledText(*row) for row in expected]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("Anna\tB-PER\nlacht\tO\n\nJa\tO\n", [("Anna lacht", [1, 0]), ("Ja", [0])], id="tabs"),
        pytest.param("Anna B-PER\nlacht  O\n", [("Anna lacht", [1, 0])], id="spaces"),
        pytest.param("Anna NNP B-NP B-PER\n. . O O\n", [("Anna .", [1, 0])], id="the last of four columns"),
        pytest.param("-DOCSTART- -X- O O\n\nAnna NE x B-PER\n", [("Anna", [1])], id="document starts"),
        pytest.param("# id = 1\nAnna\tB-PER\n", [("Anna", [1])], id="a comment"),
        pytest.param("#\tO\n# O\n", [("# #", [0, 0])], id="a number sign as a word"),
        pytest.param("Anna\tI-PER\n", [("Anna", [2])], id="an entity that begins with I"),
        pytest.param("\n\nAnna\tB-PER\n \n\t\n\nJa\tO", [("Anna", [1]), ("Ja", [0])], id="many blank lines"),
        pytest.param("Anna\tB-PER\r\n\r\nJa\tO\r\n", [("Anna", [1]), ("Ja", [0])], id="CRLF"),
    ],
)
def test_a_conll_sentence_has_its_words_and_tags(tmp_path, content, expected):
    write(tmp_path, "ner/de/train.conll", content)
    assert read(tmp_path, "ner") == [TaggedWords(tuple(words.split()), tuple(tags)) for words, tags in expected]


def test_a_space_that_is_no_blank_stays_in_a_word_of_a_conll_file(tmp_path):
    write(tmp_path, "ner/de/train.conll", "5\xa0000 O\n")
    assert read(tmp_path, "ner") == [TaggedWords(("5\xa0000",), (0,))]


def test_conllu_gives_words_without_ranges_empty_nodes_and_untagged_words(tmp_path):
    write(tmp_path, "pos/de/train.conllu", CONLLU)
    labels = task_called("pos").labels
    rows = read(tmp_path, "pos")
    assert [row.words for row in rows] == [("in", "dem", "Haus", "."), ("#",)]
    assert [[labels[tag] for tag in row.tags] for row in rows] == [["ADP", "DET", "NOUN", "PUNCT"], ["SYM"]]


def test_a_text_file_has_a_document_a_line_and_none_where_it_is_blank(tmp_path):
    write(tmp_path, "mlm/de/train.txt", "\ufeffeins zwei\r\n \n\ndrei")
    assert read(tmp_path, "mlm") == [Document("eins zwei"), Document("drei")]


@given(texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r")).filter(str.strip), min_size=1))
def test_only_a_newline_ends_a_line(tmp_path_factory, texts):
    root = tmp_path_factory.mktemp("lines")
    write(root, "mlm/de/train.txt", "\ufeff" + "\n".join(texts))
    write(root, "xnli/de/train.tsv", "\ufeff" + HEADER + "".join(f"{text}\t{text}\t0\n" for text in texts))
    assert read(root, "mlm") == [Document(text) for text in texts]
    assert read(root, "xnli") == [LabelledText((text, text), 0) for text in texts]


def test_jsonl_has_the_columns_of_the_hub(tmp_path):
    write(tmp_path, "xnli/de/train.jsonl", '{"premise": "a\\nb", "hypothesis": "c", "label": 2, "more": 1}\n\n')
    write(tmp_path, "ner/de/train.jsonl", '{"tokens": ["Anna", "lacht"], "ner_tags": [1, "O"]}')
    write(tmp_path, "pos/de/train.jsonl", '{"tokens": ["im", "in", "dem"], "upos": ["_", "ADP", "DET"]}')
    write(tmp_path, "mlm/de/train.jsonl", '{"text": "eins"}\n{"text": " "}\n{"text": "zwei"}')
    assert read(tmp_path, "xnli") == [LabelledText(("a\nb", "c"), 2)]
    assert read(tmp_path, "ner") == [TaggedWords(("Anna", "lacht"), (1, 0))]
    assert read(tmp_path, "pos") == [TaggedWords(("in", "dem"), (2, 8))]
    assert read(tmp_path, "mlm") == [Document("eins"), Document("zwei")]


def test_parquet_has_the_columns_of_the_hub(tmp_path):
    write_parquet(tmp_path, "xnli/de/train.parquet", premise=["a"], hypothesis=["b"], label=[1])
    write_parquet(tmp_path, "ner/de/train.parquet", tokens=[["Anna"], ["ja"]], ner_tags=[[1], [0]])
    write_parquet(tmp_path, "mlm/de/train.parquet", text=["eins"] * 2500)
    assert read(tmp_path, "xnli") == [LabelledText(("a", "b"), 1)]
    assert read(tmp_path, "ner") == [TaggedWords(("Anna",), (1,)), TaggedWords(("ja",), (0,))]
    assert read(tmp_path, "mlm") == [Document("eins")] * 2500


def test_the_label_names_in_a_parquet_file_say_what_its_integers_mean(tmp_path):
    names = ["contradiction", "neutral", "entailment"]
    write_parquet(tmp_path, "xnli/de/train.parquet", premise=["a"], hypothesis=["b"], label=[0], names=names)
    write_parquet(tmp_path, "pos/de/train.parquet", tokens=[["im", "Haus"]], upos=[[0, 1]], names=["_", "NOUN"])
    assert read(tmp_path, "xnli") == [LabelledText(("a", "b"), 2)]
    assert read(tmp_path, "pos") == [TaggedWords(("Haus",), (0,))]


def test_a_split_is_read_row_by_row(tmp_path):
    write(tmp_path, "xnli/de/train.tsv", HEADER + "a\tb\t0\n" + "c\td\t1\n" + "too\tfew\n")
    found = open_split(DataSettings(source="files", root=str(tmp_path)), task_called("xnli"), "de", "train")
    assert next(found.rows) == LabelledText(("a", "b"), 0)
    assert next(found.rows) == LabelledText(("c", "d"), 1)
    with pytest.raises(InputError, match=r"train\.tsv:4: columns found: 2, expected: 3"):
        next(found.rows)


def test_a_test_split_may_be_absent(tmp_path):
    write(tmp_path, "mlm/de/train.txt", "eins")
    assert open_split(DataSettings(source="files", root=str(tmp_path)), task_called("mlm"), "de", "test") is None


# --- what is said of faults


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("xnli/de/train.tsv", "", "train.tsv: has no rows"),
        ("xnli/de/train.tsv", HEADER, "train.tsv: has no rows"),
        ("xnli/de/train.tsv", "premise\tlabel\na\t1\n", "train.tsv:1, the header: no column 'hypothesis'"),
        ("xnli/de/train.tsv", HEADER + "a\tb\t0\na\tb\n", "train.tsv:3: columns found: 2, expected: 3"),
        ("xnli/de/train.tsv", HEADER + "a\tb\tc\t0\n", "train.tsv:2: columns found: 4, expected: 3"),
        ("xnli/de/train.tsv", HEADER + "a\tb\tmaybe\n", "train.tsv:2: label 'maybe' is not one of xnli's labels"),
        ("xnli/de/train.tsv", HEADER + "a\tb\t3\n", "train.tsv:2: label 3 is not one of xnli's labels"),
        ("xnli/de/train.tsv", HEADER + "a\tb\t-1\n", "train.tsv:2: label '-1' is not one of xnli's labels"),
        ("xnli/de/train.tsv", HEADER + " \t\t0\n", "train.tsv:2: no text in premise or hypothesis"),
        ("xnli/de/train.tsv", HEADER.encode() + b"a\tb\t0\nm\xfcde\tb\t0\n", "train.tsv:3: not UTF-8"),
        ("xnli/de/train.tsv", HEADER.encode("utf-16"), "train.tsv:1: not UTF-8"),
        ("ner/de/train.conll", "\n\n# nothing\n", "train.conll: has no rows"),
        ("ner/de/train.conll", "Anna\n", "train.conll:1: columns found: 1, expected: 2"),
        ("ner/de/train.conll", "Anna\tB-PER\nlacht\tjetzt\tO\n", "train.conll:2: columns found: 3, expected: 2"),
        ("ner/de/train.conll", "Anna\tB-PER\n\tO\n", "train.conll:2: '' stands for a word"),
        (
            "ner/de/train.conll",
            "Anna\tPER\n",
            "train.conll:1: label 'PER' is not one of ner's labels; allowed: O, B-PER",
        ),
        ("ner/de/train.conll", "# x\tFOO\n", "train.conll:1: label 'FOO' is not one of ner's labels"),
        ("ner/de/train.conll", "Anna\t_\n", "train.conll:1: label '_' is not one of ner's labels"),
        ("ner/de/train.conllu", CONLLU, "train.conllu: CoNLL-U has no ner_tags"),
        ("pos/de/train.conllu", "1\tja\tINTJ\n", "train.conllu:1: columns found: 3, expected: 10"),
        ("pos/de/train.conllu", CONLLU.replace("4\t.", "x\t."), "train.conllu, sentence at line 1: "),
        ("pos/de/train.conllu", CONLLU.replace("NOUN", "NN"), "train.conllu:6: label 'NN' is not one of pos's labels"),
        ("mlm/de/train.txt", "\n \n", "train.txt: has no rows"),
        ("mlm/de/train.txt", b"eins\nzw\xe9i\n", "train.txt:2: not UTF-8: invalid continuation byte at byte 3"),
        ("xnli/de/train.jsonl", '{"premise": "a"\n', "train.jsonl:1: not JSON"),
        ("xnli/de/train.jsonl", "[1]\n", "train.jsonl:1: list; expected a JSON object"),
        ("xnli/de/train.jsonl", '{"premise": "a", "label": 0}', "train.jsonl:1: no column 'hypothesis'"),
        ("xnli/de/train.jsonl", '{"premise": "a", "hypothesis": null, "label": 0}', "train.jsonl:1: no value in hypo"),
        ("xnli/de/train.jsonl", '{"premise": "a", "hypothesis": 7, "label": 0}', "train.jsonl:1: int in hypothesis"),
        ("xnli/de/train.jsonl", '{"premise": "a", "hypothesis": "b", "label": true}', "train.jsonl:1: label True;"),
        ("ner/de/train.jsonl", '{"tokens": ["a"], "ner_tags": [0, 0]}', "train.jsonl:1: 1 in tokens and 2 in ner_tags"),
        ("ner/de/train.jsonl", '{"tokens": [], "ner_tags": []}', "train.jsonl:1: 0 in tokens and 0 in ner_tags"),
        ("ner/de/train.jsonl", '{"tokens": "a", "ner_tags": [0]}', "train.jsonl:1: str in tokens; expected a list"),
        ("ner/de/train.jsonl", '{"tokens": ["a", null], "ner_tags": [0, 0]}', "train.jsonl:1: None stands for a word"),
        ("pos/de/train.jsonl", '{"tokens": ["a"], "upos": [13]}', "train.jsonl:1: label 13; upos wants names"),
        ("mlm/de/train.jsonl", '{"text": "\\ud83d"}', "train.jsonl:1: not JSON: 'utf-8' codec can't encode"),
        ("mlm/de/train.parquet", "text", "train.parquet: not a readable parquet file"),
        ("mlm/de/train.tsv", "text\n", "train.tsv: mlm does not read this format; it reads: train.txt, train.jsonl"),
        ("ner/de/train.txt", "text\n", "train.txt: ner does not read this format; it reads: train.conll, train.conllu"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path, file, content, said):
    path = write(tmp_path, file, content)
    message = complaint(tmp_path, file.partition("/")[0])
    assert message.startswith(str(path.parent))
    assert said in message


def test_a_fault_in_a_parquet_file_is_named_with_its_row(tmp_path):
    write_parquet(tmp_path, "xnli/de/train.parquet", premise=["a", None], hypothesis=["b", "c"], label=[0, 1])
    write_parquet(tmp_path, "xnli/de/validation.parquet", premise=["a"], label=[0])
    assert "train.parquet, row 2: no value in premise" in complaint(tmp_path, "xnli")
    assert "validation.parquet: no column 'hypothesis'" in complaint(tmp_path, "xnli", "validation")


def test_two_files_for_a_split_are_refused(tmp_path):
    write(tmp_path, "mlm/de/train.txt", "eins")
    write(tmp_path, "mlm/de/train.jsonl", '{"text": "eins"}')
    assert "more than one file for the train split: train.jsonl, train.txt" in complaint(tmp_path, "mlm")


def test_a_missing_validation_split_is_an_error_that_says_what_is_there(tmp_path):
    write(tmp_path, "mlm/de/train.txt", "eins")
    write(tmp_path, "mlm/de/dev.txt", "zwei")
    message = complaint(tmp_path, "mlm", "validation")
    assert "no validation split for mlm; expected one of: validation.txt, validation.jsonl" in message
    assert "found: dev.txt, train.txt" in message


def test_what_the_folder_lacks_is_named_beside_what_it_has(tmp_path):
    write(tmp_path, "mlm/de/train.txt", "eins")
    write(tmp_path, "mlm/sw/train.txt", "moja")
    assert "task=ner: " in complaint(tmp_path, "ner")
    assert "it has: mlm" in complaint(tmp_path, "ner")
    assert "lang=fr: " in complaint(tmp_path, "mlm", lang="fr")
    assert "it has: de, sw" in complaint(tmp_path, "mlm", lang="fr")
    assert "no such folder" in complaint(tmp_path / "nowhere", "mlm")


def test_a_root_is_needed():
    with pytest.raises(InputError, match=r"data\.root is not set: data=files reads DIR/<task>/<lang>/"):
        open_split(DataSettings(source="files"), task_called("mlm"), "de", "train")


def test_a_root_may_be_relative_or_begin_at_home(tmp_path, monkeypatch):
    write(tmp_path, "data/mlm/de/train.txt", "eins")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read(Path("data"), "mlm") == read(Path("~/data"), "mlm") == [Document("eins")]


# --- the table


def test_an_unknown_source_or_split_is_told_the_choices():
    with pytest.raises(InputError, match=r"no source is called 'web'; choose one of: .*files, hub"):
        open_split(DataSettings(source="web"), task_called("mlm"), "de", "train")
    with pytest.raises(InputError, match="no split is called 'dev'; choose one of: train, validation, test"):
        open_split(DataSettings(source="files"), task_called("mlm"), "de", "dev")


def test_the_table_of_sources_imports_no_client_and_reading_text_none_either(tmp_path):
    write(tmp_path, "mlm/de/train.txt", "eins")
    script = f"""
import sys
from finetune.settings import DataSettings
from finetune.sources import open_split
from finetune.tasks import HubData, Task
task = Task("mlm", "mlm", ("text",), "perplexity", HubData("a/b"))
list(open_split(DataSettings("files", {str(tmp_path)!r}), task, "de", "train").rows)
heavy = {{"datasets", "huggingface_hub", "pyarrow", "torch", "transformers"}} & set(sys.modules)
sys.exit(f"imported {{heavy}}" if heavy else 0)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


# --- real data


@real_data
@pytest.mark.parametrize(
    ("task", "lang", "counts"),
    [
        ("ner", "de", (5000, 2000, 2000)),
        ("ner", "sw", (1000, 500, 500)),
        ("xnli", "de", (5010, 1245, 1245)),
    ],
)
def test_real_splits_have_the_rows_their_description_says(task, lang, counts):
    assert tuple(len(read(Path(str(REAL)), task, split, lang)) for split in SPLITS) == counts


@real_data
@pytest.mark.parametrize("lang", ["de", "sw"])
def test_a_real_treebank_is_read_to_its_last_tagged_word(lang):
    lines = (Path(str(REAL)) / f"pos/{lang}/train.conllu").read_text(encoding="utf-8").split("\n")
    cells = [line.split("\t") for line in lines if line and not line.startswith("#")]
    words = [(cell[1], cell[3]) for cell in cells if cell[0].isdecimal() and cell[3] != "_"]
    labels = task_called("pos").labels
    rows = read(Path(str(REAL)), "pos", lang=lang)
    assert [(word, labels[tag]) for row in rows for word, tag in zip(row.words, row.tags, strict=True)] == words
