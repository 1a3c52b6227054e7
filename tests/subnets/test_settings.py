"""Settings: what is composed, what identifies a run, and where runs are kept."""

from dataclasses import replace
from fractions import Fraction

import pytest
from composed import composed, settings

from subnets.errors import InputError
from subnets.workspace import dense_folder, run_folder

PLAIN = ["lang=de", "task=ner", "data=files", "data.root=/data"]


@pytest.mark.parametrize("task", ["mlm", "ner", "pos", "xnli"])
@pytest.mark.parametrize("model", ["mbert", "xlmr_base"])
def test_every_task_and_model_composes(task, model):
    given = settings("lang=sw", f"task={task}", f"model={model}")
    assert given.task.name == task
    assert given.model_label == model
    assert given.sparsities[-1] == Fraction(9, 10)


# Table 7 of Foroutan et al. 2022.
@pytest.mark.parametrize(
    ("task", "epochs", "batch_size", "learning_rate", "max_length"),
    [("xnli", 3, 32, 5e-5, 128), ("ner", 3, 32, 2e-5, 128), ("mlm", 1, 16, 5e-5, 512)],
)
def test_the_papers_experiment_has_the_papers_hyperparameters(task, epochs, batch_size, learning_rate, max_length):
    given = settings("lang=de", f"task={task}", "experiment=foroutan2022")
    chosen = given.finetune
    found = (chosen.epochs, chosen.batch_size, chosen.learning_rate, chosen.max_length)
    assert found == (epochs, batch_size, learning_rate, max_length)
    assert (given.model.label, given.data.source) == ("mbert", "hub")
    assert (given.pruning.rate, given.pruning.rate_of, given.pruning.scope) == (0.1, "original", "global")
    assert (chosen.weight_decay, chosen.warmup_share, chosen.clip_norm) == (0.0, 0.0, 1.0)


def protocol_of(*overrides):
    given = settings(*PLAIN, *overrides)
    return given.finetune.schedule_spans, given.pruning.rewind_head


@pytest.mark.parametrize("model", [[], ["model=mbert"], ["experiment=foroutan2022"], ["finetune=default"]])
def test_the_protocol_is_the_papers_unless_that_of_its_code_is_asked_for(model):
    assert protocol_of(*model) == protocol_of(*model, "protocol=paper") == ("round", True)
    assert protocol_of(*model, "protocol=published_code") == ("run", False)


@pytest.mark.parametrize("first", [True, False])
def test_what_is_said_outright_wins_over_the_protocol(first):
    both = ["pruning.rewind_head=true", "protocol=published_code"]
    assert protocol_of(*(both if first else reversed(both))) == ("run", True)


def test_masks_by_other_means_are_those_of_appendix_d():
    given = composed("experiment=masks_by_other_means", "task=ner")
    assert (given["step"], given["pruning"]["sparsities"]) == ("study", [0.5])
    stage, last = given["study"]["stages"]
    assert last == {"step": "report"}
    assert stage == {
        "step": "find", "lang": ["en", "fr", "de", "ar"], "seed": [0, 1, 2],
        "pruning.score": ["magnitude", "magnitude_change", "fisher"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "same",
    [
        "device=cpu",
        "threads=1",
        "runs_dir=elsewhere",
        "finetune.tracker=tensorboard",
        "finetune.recompute=true",
        "controls=[]",
    ],
)
def test_what_cannot_change_a_trajectory_does_not_change_the_run(same):
    assert settings(*PLAIN).identity() == settings(*PLAIN, same).identity()


@pytest.mark.parametrize(
    "other",
    ["seed=1", "pruning.rate=0.05", "finetune.learning_rate=1e-4", "data.root=/other", "finetune.precision=bf16"],
)
def test_what_can_change_a_number_changes_the_folder(other):
    assert run_folder(settings(*PLAIN)).path != run_folder(settings(*PLAIN, other)).path


def test_how_many_examples_fisher_sees_is_of_fisher_alone():
    more = "pruning.score_examples=7"
    assert run_folder(settings(*PLAIN)).path == run_folder(settings(*PLAIN, more)).path
    by_fisher = [*PLAIN, "pruning.score=fisher"]
    assert run_folder(settings(*by_fisher)).path != run_folder(settings(*by_fisher, more)).path


def test_a_run_lies_under_model_task_and_language():
    folder = run_folder(settings(*PLAIN, "seed=3")).path
    assert folder.parts[:-1] == ("runs", "mini", "ner", "de")
    assert folder.name.startswith("seed3-")
    assert len(folder.name) == len("seed3-") + 8


def test_dense_runs_are_shared_between_prunings_unless_the_schedule_spans_the_rounds():
    one, two = settings(*PLAIN), settings(*PLAIN, "pruning.rounds=5")
    assert dense_folder(one).path == dense_folder(two).path
    spanning = [settings(*PLAIN, "finetune.schedule_spans=run", f"pruning.rounds={rounds}") for rounds in (5, 9)]
    assert dense_folder(spanning[0]).path != dense_folder(spanning[1]).path


@pytest.mark.parametrize(("seed", "expected"), [(0, (0, 1, 2)), (1, (1, 0, 2)), (7, (7, 0, 1))])
def test_dense_seeds_are_the_runs_own_and_the_smallest_others(seed, expected):
    assert settings(*PLAIN, "ticket.rule=one_std", f"seed={seed}").dense_seeds == expected
    assert settings(*PLAIN, "ticket.rule=bootstrap", f"seed={seed}").dense_seeds == (seed,)


@pytest.mark.parametrize(
    ("name", "label"),
    [("/a/b/checkpoint", "b-checkpoint"), ("owner/model", "owner-model"), ("./model", "model"), ("~/x y/é", "x-y-é")],
)
def test_a_checkpoint_is_called_by_the_end_of_its_name(name, label):
    given = settings(*PLAIN, "model=checkpoint", "model.name=placeholder")
    assert replace(given, model=replace(given.model, name=name)).model_label == label


def test_all_faults_are_said_at_once():
    with pytest.raises(InputError) as caught:
        settings(*PLAIN, "pruning.rounds=0", "finetune.batch_size=-1", "+ticket.rul=x")
    for key in ("pruning.rounds", "finetune.batch_size", "ticket.rul: no such setting; did you mean ticket.rule?"):
        assert key in str(caught.value)
