"""Sweeps: a cell that fails is told and stops no other, with every launcher; the runs folder stays tidy."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from composed import settings
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from subnets.cells import cell_of, clear_failure, state_of
from subnets.composition import CONF
from subnets.errors import Busy, InputError, RunFailed, Stopped
from subnets.sweep import Attempt, Leading, Sweep, close
from subnets.workspace import Folder, held, run_folder

REPOSITORY = Path(__file__).resolve().parents[2]
PLUGINS = {"joblib": "joblib", "submitit_local": "submitit", "submitit_slurm": "submitit", "ray": "ray"}


def command(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "subnets.run", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", **environment},
    )


def needs(plugin):
    name = f"hydra_plugins.hydra_{plugin}"
    missing = find_spec("hydra_plugins") is None or find_spec(name) is None
    return pytest.mark.skipif(missing, reason=f"{name} is not installed: pip install 'subnets[launchers]'")


@pytest.fixture
def two_cells(small_run):
    """A cell that succeeds and one without data."""
    kept = [each for each in small_run() if each != "lang=de"]
    return [*kept, "lang=de,xx", "pruning.rounds=1", "controls=[]"]


def checked(done, runs):
    """Both cells have run, one has failed, and no more is left behind than logs."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    told = done.stderr.partition("subnets: 1 of the sweep's cells failed:\n")[2].splitlines()[0]
    assert told.startswith("  lang=xx: lang=xx: ")
    assert told.endswith("has no folder 'xx'; it has: de, sw")
    assert len(list(runs.glob("*/pos/de/seed0-*/results.json"))) == 1
    [note] = runs.glob("*/pos/xx/seed0-*/failed.json")
    assert "lang=xx" in json.loads(note.read_text())["overrides"]
    [settings_file] = runs.glob("*/pos/de/seed0-*/provenance.json")
    assert json.loads(settings_file.read_text())["machine"]["threads"] == 1


def test_a_cell_that_fails_stops_no_other(two_cells, tmp_path):
    done = command("-m", "hydra.sweeper.max_batch_size=1", *reversed(two_cells))
    checked(done, tmp_path / "runs")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["tiny0-bert"]


@pytest.mark.parametrize(
    "launcher",
    [pytest.param(name, marks=needs(f"{PLUGINS[name]}_launcher")) for name in ("joblib", "submitit_local", "ray")],
)
def test_every_launcher_runs_the_cells_and_tells_of_those_that_failed(two_cells, tmp_path, launcher):
    kept = [each for each in two_cells if each != "threads=1"]  # the launcher's own
    home = {"HOME": str(tmp_path / "home")}  # Ray keeps a token there
    done = command("-m", f"hydra/launcher={launcher}", *kept, **(home if launcher == "ray" else {}))
    checked(done, tmp_path / "runs")
    left = {path.name for path in (tmp_path / "runs").iterdir()} - {"tiny0-bert"}
    assert left == ({".hydra"} if launcher == "submitit_local" else set())  # its logs


@needs("optuna_sweeper")
def test_optuna_finds_the_best_of_its_trials_and_a_trial_that_failed_is_one(small_run, tmp_path):
    trials = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=3", "pruning.score=magnitude,nope"]
    rates = "finetune.warmup_share=interval(0.0,0.5)"
    done = command("-m", *trials, rates, *small_run("pruning.rounds=1", "controls=[]"))
    assert done.returncode == 2, done.stderr
    [best] = [line for line in done.stdout.splitlines() if line.startswith("best: ")]
    assert "pruning.score=magnitude" in best
    scores = [json.loads(path.read_text())["ticket"] for path in (tmp_path / "runs").rglob("results.json")]
    highest = max(ticket["score"] for ticket in scores if ticket)
    assert f": {highest:.4f}  (" in best
    failed = done.stderr.partition(" of the sweep's cells failed:\n")[2].splitlines()
    assert len(failed) == 3 - len(scores)
    assert all(line.startswith("  pruning.score=nope finetune.warmup_share=") for line in failed)


def test_a_launcher_that_is_not_installed_says_what_to_install(two_cells):
    done = command("-m", "hydra/launcher=joblib", "hydra.launcher._target_=hydra_plugins.no_such.Launcher", *two_cells)
    expected = (
        "subnets: this launcher or sweeper is not installed here; in the project's folder: "
        "pip install -c constraints.txt -e '.[launchers]'\n"
    )
    assert (done.returncode, done.stderr) == (2, expected)


@needs("submitit_launcher")
def test_slurm_is_asked_for_what_the_settings_say(monkeypatch, tmp_path):
    import hydra
    import submitit
    from hydra import compose, initialize_config_dir
    from hydra.core.plugins import Plugins

    from subnets.composition import prefer_ours

    prefer_ours()
    said = ["lang=de", "task=ner", "hydra/launcher=submitit_slurm", f"runs_dir={tmp_path}/runs",
            "hydra.launcher.partition=gpu", "threads=8", "hydra.job.name=run", "hydra.job.num=0"]  # fmt: skip
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        config = compose("config", overrides=said, return_hydra_config=True)
        launcher = Plugins.instance()._instantiate(config.hydra.launcher)
    asked = []

    def asking(executor, _function, *_cells):
        asked.append(executor._executor._make_submission_file_text("command", "uid"))
        return []

    monkeypatch.setattr(submitit.slurm.slurm.SlurmExecutor, "affinity", lambda _self=None: 1)
    monkeypatch.setattr(submitit.AutoExecutor, "map_array", asking)
    launcher.setup(hydra_context=hydra.types.HydraContext(None, None), task_function=None, config=config)
    launcher.launch([["lang=de"], ["lang=fr"]], initial_job_idx=0)
    [script] = asked
    for line in ("--partition=gpu", "--cpus-per-task=8", "--gpus-per-node=1", "--mem=32GB", "--time=480", "--requeue",
                 "--signal=USR2@180"):  # fmt: skip
        assert f"#SBATCH {line}\n" in script
    assert f"{tmp_path}/runs/.hydra/" in script


@pytest.fixture
def attempt(tmp_path):
    return Attempt(tmp_path / "sweep", 3, ("lang=de", "seed=0"), raises=False)


@pytest.fixture
def cell(tmp_path):
    return settings("lang=de", "task=ner", f"runs_dir={tmp_path}/runs")


def failing(problem):
    def run(_settings):
        raise problem

    return run


@pytest.mark.parametrize(
    ("problem", "message", "by_input"),
    [
        (InputError("no data"), "no data", True),
        (RunFailed("not finite"), "not finite", False),
        (OSError(28, "No space left"), "OSError: [Errno 28] No space left", False),
        (MemoryError("2\nlines"), "MemoryError: 2 lines", False),
    ],
)
def test_whatever_goes_wrong_is_one_line_in_the_sweep_and_in_the_cell(
    attempt, cell, problem, message, by_input, capsys
):
    assert attempt.carry_out(lambda: cell, failing(problem)) is None
    assert capsys.readouterr().err == f"subnets: failed: find ner de seed=0: {message}\n"
    assert cell_of(cell).state == "failed"
    assert cell_of(cell).message == message
    assert ("traceback" in run_folder(cell).read_json("failed.json")) == (
        not isinstance(problem, InputError | RunFailed)
    )
    [failure] = close(Sweep(attempt.folder, frozenset({"seed"})))
    assert (failure.name, failure.message, failure.by_input) == ("seed=0", message, by_input)
    assert not attempt.folder.exists()


def test_a_cell_without_valid_settings_is_called_by_what_was_said(attempt, capsys):
    assert attempt.carry_out(lambda: settings("lang=de"), failing(AssertionError)) is None
    assert capsys.readouterr().err.startswith("subnets: failed: lang=de seed=0: task is missing")


def test_a_cell_that_another_process_works_at_is_skipped_and_not_failed(attempt, cell, capsys):
    def run(given):
        with held(run_folder(given), given.identity()):
            return 1.0

    with held(run_folder(cell), cell.identity()):
        assert attempt.carry_out(lambda: cell, run) is None
        assert cell_of(cell).state == "running"
    assert "skipped: find ner de seed=0: " in capsys.readouterr().err
    assert close(Sweep(attempt.folder, frozenset())) == []
    assert attempt.carry_out(lambda: cell, run) == 1.0


def test_a_sweep_does_not_keep_the_settings_of_cells_that_have_ended():
    ended = JobReturn(
        cfg=OmegaConf.create(), hydra_cfg=OmegaConf.create(), _return_value=1.0, status=JobStatus.COMPLETED
    )
    Leading().on_job_end(config=OmegaConf.create(), job_return=ended)
    assert (ended.cfg, ended.hydra_cfg, ended.return_value) == (None, None, 1.0)


def test_a_finished_run_on_a_disk_that_can_only_be_read_is_shown(cell, monkeypatch):
    def unlink(self, missing_ok=False):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))  # also where there is no such file

    monkeypatch.setattr(Path, "unlink", unlink)
    clear_failure(cell)


def test_who_stops_a_sweep_is_told_which_cell_it_was_at(attempt, cell):
    with pytest.raises(Stopped, match=r"^find ner de seed=0, round 1 after 3 of 6 steps$"):
        attempt.carry_out(lambda: cell, failing(Stopped("round 1 after 3 of 6 steps")))


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), BrokenPipeError()])
def test_who_stops_a_sweep_stops_it(attempt, cell, problem):
    with pytest.raises(type(problem)):
        attempt.carry_out(lambda: cell, failing(problem))


@pytest.mark.parametrize("problem", [InputError("x"), Busy("x")])
def test_a_sweeper_that_counts_failures_sees_them(attempt, cell, problem):
    counting = Attempt(attempt.folder, 0, (), raises=True)
    with pytest.raises(type(problem)):
        counting.carry_out(lambda: cell, failing(problem))


def test_a_study_that_is_stopped_stops_its_sweep(small_run, tmp_path):
    kept = [each for each in small_run("finetune.steps=100000") if each != "lang=de"]
    study = ["step=study", "study.languages=[de,sw]", "study.stages=[{step:find,lang:${study.languages}}]"]
    process = subprocess.Popen(
        [sys.executable, "-m", "subnets.run", *kept, *study],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if line.startswith("prunable"):
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    cell, whole = errors.splitlines()
    assert re.fullmatch(r"subnets: stopped in find pos de seed=0, round 0 after \d+ of 100000 steps; .* to go on", cell)
    assert re.fullmatch(r"subnets: stopped.*run the same command again to go on", whole)
    [held_by] = (tmp_path / "runs").rglob(".lock")
    assert state_of(Folder(held_by.parent), "find") == "stopped"
