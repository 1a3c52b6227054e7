"""`model=mbert data=hub` end to end: the real clients, a hub on the loopback address, and then its cache alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from loopback_hub import hub_environment

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = [
    "finetune.steps=3", "finetune.batch_size=4", "finetune.max_length=32", "pruning.rounds=1", "pruning.rate=0.5",
    "ticket.rule=bootstrap", "controls=[random]", "device=cpu", "threads=1",
]  # fmt: skip


def run(environment, *overrides, cwd, tiny=TINY):
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return subprocess.run(
        [sys.executable, "-m", "subnets.run", *overrides, *tiny],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        env={**ours, "PYTHONPATH": str(REPOSITORY), **environment},
    )


def results(runs_dir):
    found = json.loads(next(runs_dir.rglob("results.json")).read_text())
    del found["seconds"]
    provenance = json.loads(next(runs_dir.rglob("provenance.json")).read_text())
    return found, provenance


@pytest.mark.parametrize("task", ["xnli", "ner"])
def test_mbert_and_the_hub_find_a_ticket_and_again_offline_from_the_cache(small_hub, tmp_path, task):
    ask = [f"task={task}", "lang=de", "model=mbert", "data=hub"]
    online = hub_environment(small_hub.endpoint, tmp_path / "cache")
    done = run(online, *ask, f"runs_dir={tmp_path}/online", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found, provenance = results(tmp_path / "online")
    repository = {"xnli": "facebook/xnli", "ner": "unimelb-nlp/wikiann"}[task]
    assert provenance["data"]["revision"] == small_hub.commit_of(f"datasets/{repository}")
    assert provenance["base"]["revision"] == small_hub.commit_of("models/bert-base-multilingual-cased")
    small_hub.requests.clear()
    offline = hub_environment(small_hub.endpoint, tmp_path / "cache", offline=True)
    done = run(offline, *ask, f"runs_dir={tmp_path}/offline", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert small_hub.requests == []
    again, offline_provenance = results(tmp_path / "offline")
    assert again == found
    assert offline_provenance["base"] == provenance["base"]
    assert offline_provenance["data"] == provenance["data"]


@pytest.mark.parametrize(
    ("model", "task", "lang"), [("xlmr_base", "ner", "sw"), ("mbert", "pos", "de"), ("mbert", "mlm", "sw")]
)
def test_every_base_and_task_of_the_hub_runs(small_hub, tmp_path, model, task, lang):
    online = hub_environment(small_hub.endpoint, tmp_path / "cache")
    ask = [f"task={task}", f"lang={lang}", f"model={model}", "data=hub", f"runs_dir={tmp_path}/runs"]
    done = run(online, *ask, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found, _ = results(tmp_path / "runs")
    assert len(found["rounds"]) == 2


@pytest.mark.parametrize("task", ["xnli", "ner", "mlm"])
def test_the_papers_command_runs_as_the_readme_has_it(small_hub, tmp_path, task):
    online = hub_environment(small_hub.endpoint, tmp_path / "cache")
    sizes = ["data.train_examples=16", "data.validation_examples=8", "data.test_examples=8", "finetune.epochs=1"]
    fewer = ["pruning.rounds=1", "ticket.dense_seeds=2", "controls=[]", f"runs_dir={tmp_path}/runs", "threads=1"]
    done = run(online, "lang=de", f"task={task}", "experiment=foroutan2022", *sizes, *fewer, cwd=tmp_path, tiny=())
    assert (done.returncode, done.stderr) == (0, "")
    found, provenance = results(tmp_path / "runs")
    assert [round(entry["sparsity"], 3) for entry in found["rounds"]] == [0, 0.1]
    assert (provenance["base"]["name"], provenance["data"]["source"]) == ("bert-base-multilingual-cased", "hub")
    assert found["dense"]["seeds"] == [0, 1]


def test_offline_with_an_empty_cache_says_what_to_do(tmp_path):
    offline = hub_environment("http://127.0.0.1:9", tmp_path / "cache", offline=True)
    done = run(offline, "task=ner", "lang=de", "model=mbert", "data=hub", f"runs_dir={tmp_path}/runs", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "HF_HUB_OFFLINE is set: run once with network" in done.stderr


def test_a_language_the_hub_lacks_lists_those_it_has(small_hub, tmp_path):
    online = hub_environment(small_hub.endpoint, tmp_path / "cache")
    done = run(online, "task=ner", "lang=xx", "model=mbert", "data=hub", f"runs_dir={tmp_path}/runs", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    for lang in ("de", "hi", "sw"):
        assert f"'{lang}'" in done.stderr
