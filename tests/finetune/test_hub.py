"""The source `hub`, and the probe before it: the real clients against a hub on the loopback address."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from loopback_hub import LoopbackHub, hub_environment
from small_hub import WORDS
from tasks_of_conf import task_called

TESTS = Path(__file__).resolve().parents[1]
SPLITS = ("train", "validation", "test")
XNLI = {"task": "xnli", "lang": "de", "split": "train"}
EVERYTHING = [
    {"task": task, "lang": lang, "split": split}
    for task, lang in (("xnli", "de"), ("ner", "de"), ("ner", "sw"), ("pos", "de"), ("mlm", "de"))
    for split in SPLITS
]
# A client that retries takes 25 s to give up: who answers within this time, imports included, has not waited for it.
SECONDS_WITHOUT_RETRIES = 15


def run(command: list[str], environment: dict[str, str], *, cwd: Path, said: str = "") -> str:
    """What a fresh process writes; it must write nothing on standard error."""
    path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment = {**ours, "PYTHONPATH": path, "PYTHONWARNINGS": "error", **environment}
    done = subprocess.run(
        [sys.executable, *command], input=said, env=environment, cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def ask(environment: dict[str, str], requests: list[dict[str, str]], *, cwd: Path) -> list[dict[str, Any]]:
    """What the source answers to each request, in a fresh process."""
    said = json.dumps(requests)
    answers: list[dict[str, Any]] = json.loads(
        run([str(TESTS / "finetune/hub_client.py")], environment, cwd=cwd, said=said)
    )
    return answers


def complaint(environment: dict[str, str], request: dict[str, str], *, cwd: Path) -> str:
    """The one line that is said of a request which fails, in time."""
    started = time.monotonic()
    (answer,) = ask(environment, [request], cwd=cwd)
    assert time.monotonic() - started < SECONDS_WITHOUT_RETRIES
    error: str = answer["error"]
    assert "\n" not in error
    return error


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the first fixture to ask for everything fills."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def loaded(small_hub: LoopbackHub, cache: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    """Every split of every small data set, by (task, lang, split)."""
    # A folder of the data set's name in the working directory must not be read in its place.
    (cache / "facebook/xnli").mkdir(parents=True)
    answers = ask(hub_environment(small_hub.endpoint, cache), EVERYTHING, cwd=cache)
    return {tuple(request.values()): answer for request, answer in zip(EVERYTHING, answers, strict=True)}


@pytest.mark.parametrize(("task", "lang"), [("xnli", "de"), ("ner", "de"), ("ner", "sw"), ("pos", "de")])
def test_every_row_of_the_hub_arrives(loaded, task, lang):
    counts = [len(loaded[task, lang, split]["rows"]) for split in SPLITS]
    assert counts == [48, 24, 24]


def test_labels_keep_their_meaning(loaded):
    for texts, label in loaded["xnli", "de", "train"]["rows"]:
        negated, repeated = texts[1].startswith("nein"), texts[0].startswith(texts[1])
        expected = "contradiction" if negated else "entailment" if repeated else "neutral"
        assert task_called("xnli").labels[label] == expected
    for words, tags in loaded["ner", "sw", "train"]["rows"]:
        meaning = {"Anna": "B-PER", "Nairobi": "B-LOC"}
        assert [task_called("ner").labels[tag] for tag in tags] == [meaning.get(word, "O") for word in words]


def test_multi_word_tokens_of_a_treebank_are_read_as_their_parts(loaded):
    for words, tags in loaded["pos", "de", "train"]["rows"]:
        names = [task_called("pos").labels[tag] for tag in tags]
        assert words[:3] == ["in", "dem", "Haus"]
        assert [*names[:3], *names[-2:]] == ["ADP", "DET", "NOUN", "AUX", "PUNCT"]


def test_a_data_set_with_one_split_is_divided_by_index(loaded):
    train, validation, test = ([row[0] for row in loaded["mlm", "de", split]["rows"]] for split in SPLITS)
    assert (len(train), len(validation), len(test)) == (294, 3, 3)
    assert len({*train, *validation, *test}) == 300


def test_the_commit_served_is_recorded(loaded, small_hub):
    assert {answer["revision"] for key, answer in loaded.items() if key[0] == "ner"} == {
        small_hub.commit_of("datasets/unimelb-nlp/wikiann")
    }


def test_splits_of_other_files_have_other_contents(loaded):
    contents = {key: answer["content"] for key, answer in loaded.items() if key[0] != "mlm"}
    assert len(set(contents.values())) == len(contents) > 8
    # One file is divided into three: which share of it is meant, the split's own name says.
    assert len({answer["content"] for key, answer in loaded.items() if key[:2] == ("mlm", "de")}) == 1


def test_the_cache_gives_the_same_rows_and_commits_when_no_hub_is_there(loaded, cache):
    environment = hub_environment("http://127.0.0.1:9", cache, offline=True)
    assert ask(environment, EVERYTHING, cwd=cache) == list(loaded.values())


def test_a_commit_can_be_asked_for_online_and_offline(loaded, small_hub, cache):
    commit = small_hub.commit_of("datasets/facebook/xnli")
    for offline in (False, True):
        environment = hub_environment(small_hub.endpoint, cache, offline=offline)
        same, other = ask(environment, [{**XNLI, "revision": commit}, {**XNLI, "revision": "0" * 40}], cwd=cache)
        assert same == loaded["xnli", "de", "train"]
        assert f"data.revision={'0' * 40}: facebook/xnli" in other["error"]


def test_an_unknown_language_is_told_those_there_are(small_hub, tmp_path):
    requests = [{**XNLI, "task": task, "lang": "fr"} for task in ("ner", "mlm", "pos")] + [
        {**XNLI, "task": "pos", "lang": "sw"}
    ]
    answers = ask(hub_environment(small_hub.endpoint, tmp_path), requests, cwd=tmp_path)
    failed = f"at {small_hub.endpoint}: cannot be loaded: BuilderConfig"
    assert [answer["error"] for answer in answers] == [
        f"lang=fr: unimelb-nlp/wikiann {failed} 'fr' not found. Available: ['de', 'hi', 'sw']",
        f"lang=fr: wikimedia/wikipedia {failed} '20231101.fr' not found. Available: ['20231101.de', '20231101.sw']",
        f"lang=fr: commul/universal_dependencies {failed} 'fr_gsd' not found. Available: ['de_gsd']",
        "lang=sw: commul/universal_dependencies has no data for it here; "
        "languages it has: ar, de, en, es, fa, fr, hi, ru, ur, zh",
    ]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (401, "the hub does not let you in"),
        (403, "the hub does not let you in"),
        (404, "no such data set"),
        (429, "the hub answers 429; try again later"),
        (500, "the hub answers 500; try again later"),
        ("truncated", "cannot be loaded: peer closed connection"),
    ],
)
def test_a_refusal_is_one_line_and_quick(small_hub, tmp_path, fault, said):
    with small_hub.failing(fault):
        message = complaint(hub_environment(small_hub.endpoint, tmp_path), XNLI, cwd=tmp_path)
    assert f"facebook/xnli at {small_hub.endpoint}: {said}" in message


@pytest.mark.parametrize("fault", [429, "truncated"])
def test_a_passing_fault_is_overcome(loaded, small_hub, tmp_path, fault):
    with small_hub.failing(fault, times=1):
        assert ask(hub_environment(small_hub.endpoint, tmp_path), [XNLI], cwd=tmp_path) == [
            loaded["xnli", "de", "train"]
        ]


def test_a_failing_hub_is_not_passed_over_for_what_the_cache_holds(loaded, small_hub, cache):
    with small_hub.failing(500):
        assert "answers 500" in complaint(hub_environment(small_hub.endpoint, cache), XNLI, cwd=cache)


def test_a_hub_that_does_not_answer_is_one_line_and_quick(tmp_path):
    message = complaint(hub_environment("http://127.0.0.1:9", tmp_path), XNLI, cwd=tmp_path)
    assert message.startswith("the hub at http://127.0.0.1:9 does not answer (")
    assert "set HF_HUB_OFFLINE=1 to use what the cache holds" in message
    assert "data=files data.root=DIR" in message


def test_a_hub_that_is_down_is_found_out_before_the_clients_start(small_hub, tmp_path):
    with small_hub.failing("down"):
        message = complaint(hub_environment(small_hub.endpoint, tmp_path), XNLI, cwd=tmp_path)
    assert message.startswith(f"the hub at {small_hub.endpoint} answers 503: set HF_HUB_OFFLINE=1")


def test_an_empty_cache_offline_is_one_line_and_quick(tmp_path):
    message = complaint(hub_environment("http://127.0.0.1:9", tmp_path, offline=True), XNLI, cwd=tmp_path)
    assert "HF_HUB_OFFLINE is set and the cache lacks facebook/xnli: run once with network" in message


def parallel(environment: dict[str, str], requests: list[dict[str, Any]], *, cwd: Path) -> list[dict[str, Any]]:
    """What parallel sentences each request finds, or its error, in a fresh process."""
    script = """
import json, sys
from finetune.errors import InputError
from finetune.parallel import parallel_sentences
from finetune.settings import DataSettings, ParallelHub
hub = {"path": "wmt/wmt14", "revision": None, "files": "{config}/test-*.parquet", "column": "translation",
       "configs": {"de": "de-en", "hi": "hi-en", "ru": "ru-en"}}
answers = []
for request in json.load(sys.stdin):
    described = ParallelHub(**{**hub, **request.get("hub", {})})
    data = DataSettings("hub", revision="of the task's data, not of these")
    try:
        found = parallel_sentences(data, request["langs"], hub=described, limit=request.get("limit"))
        answers.append({"sentences": found.sentences, "revision": found.revision})
    except InputError as error:
        answers.append({"error": str(error)})
json.dump(answers, sys.stdout)
"""
    answers: list[dict[str, Any]] = json.loads(run(["-c", script], environment, cwd=cwd, said=json.dumps(requests)))
    return answers


def test_pairs_arrive_from_the_hub_and_the_cache_and_nothing_else_is_fetched(small_hub, tmp_path):
    asked = [{"langs": ["de", "en"]}, {"langs": ["en", "hi"], "limit": 4}]
    small_hub.requests.clear()
    found = parallel(hub_environment(small_hub.endpoint, tmp_path), asked, cwd=tmp_path)
    assert [len(lines) for lines in found[0]["sentences"].values()] == [30, 30]
    assert list(found[1]["sentences"]) == ["en", "hi"]
    assert len(found[1]["sentences"]["hi"]) == 4
    assert found[0]["revision"] == small_hub.commit_of("datasets/wmt/wmt14")
    english = {word for line in found[0]["sentences"]["en"] for word in line.split()}
    assert english <= set(WORDS["en"].split())
    fetched = {request.rpartition("/")[2] for request in small_hub.requests if request.endswith(".parquet")}
    assert fetched == {"test-00000-of-00001.parquet"}
    offline = hub_environment("http://127.0.0.1:9", tmp_path, offline=True)
    assert parallel(offline, asked, cwd=tmp_path) == found


def test_what_a_data_set_of_pairs_lacks_is_named(small_hub, tmp_path):
    asked = [
        {"langs": ["sw", "en"]}, {"langs": ["de", "hi"]}, {"langs": ["ru", "en"]},
        {"langs": ["de", "en"], "hub": {"column": "pair"}}, {"langs": ["de", "en"], "hub": {"revision": "0" * 40}},
        {"langs": ["de", "en"], "hub": {"path": "wmt/none"}},
    ]  # fmt: skip
    answers = parallel(hub_environment(small_hub.endpoint, tmp_path), asked, cwd=tmp_path)
    said = [
        "lang=sw: wmt/wmt14 has no configuration for sw or en here; it has: de (de-en), hi (hi-en), ru (ru-en)",
        "lang=hi: wmt/wmt14/de-en/test-00000-of-00001.parquet, row 1 has no hi; it has: de, en",
        "lang=ru: wmt/wmt14 has no files ru-en/test-*.parquet at commit",
        "no column 'pair' (parallel.hub.column); found: translation",
        f"parallel.hub.revision={'0' * 40}: wmt/wmt14 at {small_hub.endpoint} has no such revision",
        "no such data set, or a private one: check parallel.hub.path",
    ]
    for answer, expected in zip(answers, said, strict=True):
        assert expected in answer["error"]


def test_the_small_checkpoints_load_from_the_hub(small_hub, tmp_path):
    script = """
import transformers
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
for name in ("bert-base-multilingual-cased", "xlm-roberta-base"):
    tokenizer = transformers.AutoTokenizer.from_pretrained(name)
    model = transformers.AutoModel.from_pretrained(name).eval()
    batch = tokenizer([["Anna", "sieht", "Berlin"]], is_split_into_words=True, return_tensors="pt")
    knows_all = tokenizer.unk_token_id not in batch["input_ids"]
    print(tokenizer.is_fast, knows_all, batch.word_ids()[1:-1], *model(**batch)[0].shape)
"""
    environment = hub_environment(small_hub.endpoint, tmp_path)
    assert run(["-c", script], environment, cwd=tmp_path) == "True True [0, 1, 2] 1 5 32\n" * 2
