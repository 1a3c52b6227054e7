"""The command line: help, and every mistake said in one line with exit code 2 and nothing written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Said

from subnets import run
from subnets.errors import Stopped

REPOSITORY = Path(__file__).resolve().parents[2]


def command(*overrides, cwd=REPOSITORY, **environment):
    return subprocess.run(
        [sys.executable, "-m", "subnets.run", *overrides],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
    )


def test_help_lists_groups_settings_and_examples_without_importing_torch():
    done = command("--help")
    assert done.returncode == 0
    models = "model: checkpoint, mbert, mini, xlmr_base"
    for word in ("task: mlm, ner, pos, xnli", models, "rounds: 2", "data.root=DIR", "protocol: paper, published_code"):
        assert word in done.stdout
    imports = [sys.executable, "-X", "importtime", "-m", "subnets.run", "--help"]
    trace = subprocess.run(imports, capture_output=True, text=True, cwd=REPOSITORY, timeout=60).stderr
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in trace.splitlines()}
    assert "hydra" in imported
    assert not imported & {"torch", "transformers", "datasets", "evaluate", "accelerate"}


# What is typed after the run's own overrides, and what the one line must hold.
MISTAKES = {
    "no language": (["lang=null"], "lang is missing"),
    "no task": (["~task"], "task is missing"),
    "task that is none": (
        ["task=xlni"],
        "task=xlni: no such task; choose one of: mlm, ner, pos, xnli; did you mean task=xnli?",
    ),
    "model that is none": (["model=mberta"], "one of: checkpoint, mbert, mini, xlmr_base; did you mean model=mbert?"),
    "data that is none": (["data=file"], "choose one of: files, fragment, hub; did you mean data=files?"),
    "step that is none": (["step=fnd"], "no step is called 'fnd'; choose one of: find"),
    "score that is none": (
        ["pruning.score=size"],
        "no score is called 'size'; choose one of: magnitude, magnitude_change",
    ),
    "scope that is none": (
        ["pruning.scope=all"],
        "no scope is called 'all'; choose one of: global, per_layer, per_matrix",
    ),
    "part that is none": (
        ["pruning.also=[heads]"],
        "also: found heads; choose from: pooler, embeddings, norms, biases",
    ),
    "part the model lacks": (["pruning.also=[pooler]"], "has no pooler to prune"),
    "control that is none": (["controls=[chance]"], "controls.0: Input should be 'random', 'random_per_matrix'"),
    "control twice": (["controls=[random,random]"], "names one twice"),
    "language without data": (["lang=xx"], "de, sw"),
    "setting that is none": (["pruning.round=3"], "pruning.round: no such setting; did you mean pruning.rounds?"),
    "group that is none": (["prunning.rounds=3"], "prunning: no such setting; did you mean pruning?"),
    "too many rounds": (
        ["pruning.rounds=4"],
        "rounds=4 with rate=0.3 of the original weights would remove more than 100 %",
    ),
    "rate above one": (["pruning.rate=1.5"], "pruning.rate: Input should be less than or equal to 1 (got 1.5)"),
    "rate as words": (["pruning.rate=much"], "pruning.rate: Input should be a valid number"),
    "falling sparsities": (["pruning.sparsities=[0.5,0.2]"], "0.2"),
    "rewind too late": (["pruning.rewind=6"], "a round has 6 steps; allowed: 0 to 5"),
    "seed below zero": (["seed=-1"], "seed: Input should be greater than or equal to 0 (got -1)"),
    "seed as text": (["seed=01"], "seed: Input should be a valid integer"),
    "several languages without -m": (["lang=de,sw"], "for a run each type -m lang=de,sw"),
    "precision that is none": (
        ["finetune.precision=fp8"],
        "finetune.precision: Input should be 'fp32' or 'bf16' (got 'fp8')",
    ),
    "device that is not here": (["device=cuda"], "device=cuda: no CUDA device is visible"),
    "max_length too long": (["finetune.max_length=600"], "the model has 66 positions"),
    "language that leaves the folder": (["lang=../../etc"], "may hold only letters, digits"),
    "label that leaves the folder": (["model.label=../x"], "may hold only letters, digits"),
    "no root": (["data.root=null"], "data.root"),
    "root that is not there": (["data.root=/no/such/folder"], "/no/such/folder"),
    "checkpoint that is not there": (["model.name=./nowhere"], "no such folder"),
    "text that cannot be read": (["lang=ภาษา"], "cannot be read; quote a value"),
    "one_std over one seed": (
        ["ticket.dense_seeds=1"],
        "ticket.dense_seeds: Input should be greater than or equal to 2",
    ),
}  # fmt: skip
HAS_CUDA = Path("/dev/nvidia0").exists()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_exit_code_2_and_leaves_no_result(typed, small_run, tmp_path, mistake):
    overrides, expected = MISTAKES[mistake]
    if HAS_CUDA and mistake == "device that is not here":
        pytest.skip("a CUDA device is here")
    _check(typed(*small_run(*overrides)), expected, tmp_path)


@pytest.mark.parametrize("mistake", ["task that is none", "language without data", "rewind too late"])
def test_a_process_of_its_own_says_the_same(small_run, tmp_path, mistake):
    overrides, expected = MISTAKES[mistake]
    done = command(*small_run(*overrides))
    _check(Said(done.returncode, done.stdout, done.stderr), expected, tmp_path)


def _check(said, expected, place):
    assert said.code == 2, said.err
    (line,) = said.err.strip().splitlines()
    assert line.startswith("subnets: ")
    assert expected in line
    assert not list((place / "runs").rglob("*.json"))


def test_data_root_must_be_said(tiny_bert, tmp_path):
    done = command("lang=de", "task=pos", "data=files", "model=checkpoint", f"model.name={tiny_bert}")
    assert (done.returncode, done.stderr) == (2, "subnets: data.root is missing; say data.root=VALUE\n")


def test_a_runs_folder_that_cannot_be_written_is_said(small_run, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    done = command(*small_run(f"runs_dir={tmp_path}/file"))
    assert done.returncode == 2
    assert "runs_dir" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_hub_that_does_not_answer_says_how_to_work_offline(small_run, tmp_path):
    overrides = small_run("data=hub", "model=mbert")
    kept = [each for each in overrides if not each.startswith(("data.root", "model.name"))]
    done = command(*kept, HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path / "hub"))
    assert done.returncode == 2
    assert "HF_HUB_OFFLINE=1" in done.stderr
    assert "data=files" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_sweep_runs_every_cell(small_run, tmp_path):
    cells = small_run("seed=0,1", "pruning.rounds=1", "controls=[]")
    done = command("-m", *cells)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "runs").rglob("results.json"))) == 2


def test_a_run_leaves_nothing_outside_its_runs_folder(small_run, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    done = command(*small_run("pruning.rounds=1", "controls=[]"), cwd=here)
    assert done.returncode == 0, done.stderr
    assert list(here.iterdir()) == []
    assert "Traceback" not in done.stderr


def test_a_rank_that_has_lost_the_others_says_so(monkeypatch, capsys):
    problem = RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:4321")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit) as left, run._said_plainly():
        raise problem
    assert left.value.code == 1
    assert capsys.readouterr().err.startswith("subnets: another rank has ended; what was finished is kept: ")
    monkeypatch.setenv("WORLD_SIZE", "1")
    with pytest.raises(RuntimeError, match="pair"), run._said_plainly():
        raise problem


@pytest.mark.parametrize(
    ("overrides", "stop", "where"),
    [
        (["lang=de", "task=ner"], KeyboardInterrupt(), "find ner de seed=0"),
        (
            ["lang=de", "task=ner"],
            Stopped("round 1 after 2 of 3"),
            "find ner de seed=0, round 1 after 2 of 3",
        ),
        (["step=report"], KeyboardInterrupt(), "report"),
    ],
)
def test_who_stops_a_run_is_told_where_it_was_and_how_to_go_on(typed, monkeypatch, tmp_path, overrides, stop, where):
    def stopped(_settings):
        raise stop

    monkeypatch.setattr(run, "_carried_out", stopped)
    said = typed(*overrides, f"runs_dir={tmp_path}")
    expected = f"subnets: stopped in {where}; what was finished is kept: run the same command again to go on\n"
    assert (said.code, said.err) == (130, expected)
