"""Studies: every experiment composes everywhere, its stages are sweeps over valid cells, and done cells stay done."""

import shlex
from pathlib import Path

import pytest
from composed import composed, settings
from hydra.core.override_parser.overrides_parser import OverridesParser

from subnets.arguments import for_hydra
from subnets.composition import CONF
from subnets.errors import InputError, RunFailed
from subnets.settings import settings_of
from subnets.steps import study
from subnets.study import command_of, stages_of
from subnets.workspace import held, run_folder

EXPERIMENTS = sorted((CONF / "experiment").glob("*.yaml"))
COMMAND = "# python -m subnets.run "
BASES = {
    "the embedded world": [],
    "files and a checkpoint": ["data=files", "data.root=/data", "model=checkpoint", "model.name=owner/model"],
    "the paper's hyper-parameters": ["experiment=foroutan2022"],
}


def commanded(path, *more):
    """The overrides of an experiment's own command and more, the experiments named in both joined."""
    first = path.read_text().splitlines()[0]
    overrides = [*shlex.split(first.removeprefix(COMMAND)), *more]
    names = [each.partition("=")[2] for each in overrides if each.startswith("experiment=")]
    joined = ",".join(dict.fromkeys(reversed(names)))
    return [each for each in overrides if not each.startswith("experiment=")] + [f"experiment=[{joined}]"]


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_the_first_line_of_an_experiment_is_its_command(path):
    first = path.read_text().splitlines()[0]
    assert first.startswith(COMMAND)
    assert f"experiment={path.stem}" in shlex.split(first.removeprefix(COMMAND))


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_cell_of_every_experiment_has_valid_settings(path, base):
    overrides = commanded(path, *BASES[base], "study.seeds=[0]")
    given = settings_of(composed(*overrides) | {"overrides": overrides})
    if given.step != "study":
        return  # hyper-parameters alone
    stages = stages_of(given)
    assert all(stage.cells for stage in stages)
    if base == "the paper's hyper-parameters":
        cells = [cell for stage in stages for cell in stage.cells]
        assert {cell.model_label for cell in cells} == {"mbert"}
        assert {cell.finetune.learning_rate for cell in cells if cell.task.name == "ner"} <= {2e-5}


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_the_cells_of_a_stage_are_those_of_its_sweep(path):
    overrides = commanded(path, "study.seeds=[0,7]")
    given = settings_of(composed(*overrides) | {"overrides": overrides})
    if given.step != "study":
        return
    stage = max(stages_of(given), key=lambda stage: len(stage.cells))
    sweep = command_of(stage, overrides, stage.values)
    parsed = OverridesParser.create().parse_overrides([each for each in sweep if each != "-m"])
    swept = {each.key_or_group: list(each.sweep_iterator()) for each in parsed if each.is_sweep_override()}
    last = [f"{key}={values[-1]}" for key, values in swept.items()]
    fixed = [each.input_line for each in parsed if not each.is_sweep_override()]
    assert settings(*fixed, *last).transfer_identity() == stage.cells[-1].transfer_identity()


def test_a_study_waits_for_cells_of_another_process_and_does_not_compute_them(small_run, tmp_path, monkeypatch):
    kept = [each for each in small_run("controls=[]") if each != "lang=de"]
    given = settings(*kept, "step=study", "study.stages=[{step:find,lang:[de]}]")
    [stage] = stages_of(given)
    folder, sweeps = run_folder(stage.cells[0]), []
    theirs = held(folder, stage.cells[0].identity())

    def finishing(_seconds):
        folder.write_json("results.json", {"controls": {}})
        theirs.__exit__(None, None, None)

    monkeypatch.setattr(study, "_swept", lambda arguments: sweeps.append(arguments) or 0)
    monkeypatch.setattr(study.time, "sleep", finishing)
    theirs.__enter__()
    assert study.run(given) == 1.0
    assert len(sweeps) == 1  # which skipped it


def test_a_study_is_not_started_on_several_ranks(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="without torchrun"):
        study.run(settings("experiment=overlap", "task=ner"))


def test_languages_follow_the_task_and_source_tasks_are_the_others():
    given = settings("experiment=cross_task", "study.tasks=[ner,mlm]", "study=default")
    found = {(stage.step, stage.task): stage.values for stage in stages_of(given)}
    assert [task for step, task in found if step == "find"] == ["xnli", "ner", "mlm"]
    assert [task for step, task in found if step == "transfer"] == ["ner", "mlm"]
    assert found["transfer", "mlm"]["source.task"] == ("xnli", "ner")
    assert len(stages_of(settings("experiment=winning_tickets", "task=mlm", "study=default"))[0].cells) == 11 * 3
    assert len(stages_of(settings("experiment=winning_tickets", "task=ner", "study=default"))[0].cells) == 9 * 3


@pytest.mark.parametrize(
    ("given", "step", "key", "values"),
    [
        (["experiment=mean_transfer", "source.sparsity=0.3"], "transfer", "source.sparsity", {0.3}),
        (["experiment=masks_by_other_means", "pruning.score=taylor"], "find", "pruning.score", {"taylor"}),
        (["experiment=embedded_study", "finetune.steps=6"], "find", "finetune.steps", {6}),
        (["experiment=cross_lingual", "source=en"], "transfer", "source.mask", {"en"}),
    ],
)
def test_what_is_said_goes_before_what_a_stage_sets(given, step, key, values):
    overrides = (*for_hydra(given), "task=ner")
    chosen = settings_of(composed(*overrides) | {"overrides": overrides})
    stages = [stage for stage in stages_of(chosen) if stage.step == step and stage.task == "ner"]
    room, name = key.split(".")
    assert {getattr(getattr(cell, room), name) for stage in stages for cell in stage.cells} == values
    for stage in stages:
        command = command_of(stage, overrides, stage.values)
        assert [each for each in command if each.startswith(f"{key}=")] == [overrides[1]]


@pytest.mark.parametrize("experiment", ["cross_lingual", "mean_transfer", "multilingual", "cross_task"])
def test_a_mask_is_tried_with_other_seeds_than_its_own(experiment):
    find, *_, transfer, _ = stages_of(settings(f"experiment={experiment}", "task=ner"))
    assert {cell.seed for cell in find.cells} == {cell.source.seed for cell in transfer.cells} == {0}
    assert {cell.seed for cell in transfer.cells} == {1, 2, 3}


def test_what_was_said_of_the_study_is_said_of_its_cells():
    given = ["experiment=overlap", "task=ner", "study.languages=[de,no]", "finetune.steps=3", "hydra/launcher=joblib"]
    stage = stages_of(settings(*given))[0]
    assert command_of(stage, given, stage.values) == [
        "-m", "experiment=overlap", "finetune.steps=3", "hydra/launcher=joblib", "step=find", "task=ner",
        "lang=de,no", "seed=0,1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["step=study", "task=ner"], "study.stages is empty; name a study"),
        (["experiment=overlap"], "task is missing; say for example task=ner, or study.tasks"),
        (["experiment=overlap", "task=ner", "lang=de"], r"lang: this study takes it from study.languages"),
        (["experiment=overlap", "task=ner", "seed=3"], r"seed: this study takes it from study.seeds"),
        (["experiment=overlap", "task=ner", "study.seeds=[-1]"], "study.seeds.0: Input should be greater"),
        (["experiment=overlap", "task=ner", "study.languages=[../x]"], "may hold only letters, digits"),
        (["experiment=cross_task", "study.tasks=[pos]"], r"study.stages.1.source.task: nothing for task=pos; found: x"),
        (["step=study", "task=ner", "study.stages=[{lang:de}]"], r"study.stages.0.step: expected the name of a step"),
        (["step=study", "task=ner", "study.stages=[{step:find,lang:de,lan:de}]"], "lan: no such setting; did you mean"),
    ],
)  # fmt: skip
def test_a_study_that_cannot_run_says_why_before_anything_runs(overrides, message, tmp_path):
    with pytest.raises(InputError, match=message):
        study.run(settings(*overrides, f"runs_dir={tmp_path}/runs"))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def small_study(small_run, monkeypatch):
    """A study of two languages of which one has no data, and the repository on the path of its sweeps."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    kept = [each for each in small_run() if each != "lang=de"]
    stages = "study.stages=[{step:find,lang:${study.languages},seed:0},{step:find,lang:sw,seed:0}]"
    small = ["pruning.rounds=1", "controls=[]", "study.languages=[de,xx]"]
    return [*kept, "step=study", stages, *small]


def test_a_failed_cell_is_told_and_stops_neither_other_cells_nor_later_stages(small_study, capfd):
    given = settings(*small_study)
    with pytest.raises(RunFailed, match=r"1 failed; .*\n  find pos xx seed=0: lang=xx: .* has no folder 'xx'"):
        study.run(given)
    first, second = stages_of(given)
    assert [cell.state for cell in [*first.states(), *second.states()]] == ["done", "failed", "done"]
    failed = run_folder(first.cells[1])
    assert failed.read_json("failed.json")["overrides"][-2:] == ["lang=xx", "seed=0"]
    assert "subnets: failed: find pos xx seed=0: lang=xx" in capfd.readouterr().err

    changed = (run_folder(first.cells[0]).path / "results.json").stat().st_mtime_ns
    assert first.left() == {"lang": ("xx",), "seed": (0,)}
    assert second.left() is None
    more = stages_of(settings(*small_study, "controls=[oneshot]"))[1]
    assert more.left() == {"lang": ("sw",), "seed": (0,)}  # the cell is done, but for a control
    again = settings(*small_study, "study.languages=[de]")
    assert study.run(again) == 2.0
    assert "all done" in capfd.readouterr().out
    assert (run_folder(first.cells[0]).path / "results.json").stat().st_mtime_ns == changed
