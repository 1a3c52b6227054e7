"""Rounds that end early, rounds that are left out, and that what decides is trained to its end all the same."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
from composed import settings
from safetensors.numpy import load_file
from torch.nn.functional import cross_entropy
from transformers import AutoModelForTokenClassification

from pruning import errors
from pruning.lottery import Round
from pruning.mask_file import read_mask
from subnets.errors import InputError, RunFailed
from subnets.progress import Progress
from subnets.rounds import decided
from subnets.source_masks import found_otherwise, source_mask
from subnets.steps import export, find
from subnets.subnetworks import Subnetworks
from subnets.workbench import Workbench, set_up
from subnets.workspace import Folder, run_folder

EARLY = ["pruning.rounds=3", "pruning.stop_when_stable=0.9", "pruning.look_every=2", "controls=[]"]
ALL_PASS = ["ticket.confidence=0.999999"]


def results_of(*overrides):
    given = settings(*overrides)
    find.run(given)
    return run_folder(given), run_folder(given).read_json("results.json")


def masks_of(folder, entries):
    return [read_mask(folder.path / entry["mask"])[0] for entry in entries]


@pytest.fixture
def trained_steps(monkeypatch):
    """The step at which each training ended, None for its end."""
    steps, train = [], Workbench.train_and_score

    def training(self, *args, **more):
        scored = train(self, *args, **more)
        steps.append(scored.stopped_at)
        return scored

    monkeypatch.setattr(Workbench, "train_and_score", training)
    return steps


def test_rounds_in_between_end_once_their_mask_has_settled_and_the_last_is_trained_to_its_end(small_run, trained_steps):
    folder, results = results_of(*small_run(*EARLY, *ALL_PASS))
    assert trained_steps == [None, 4, 4, None]  # settled at the second look
    assert [entry["round"] for entry in results["rounds"]] == [0, 3]
    assert [(entry["round"], entry["stopped_at"]) for entry in results["passed"]] == [(1, 4), (2, 4)]
    assert results["ticket"]["mask"] == "rounds/3/mask.safetensors"
    dense, *between = masks_of(folder, [results["rounds"][0], *results["passed"], results["rounds"][1]])
    assert all(later <= earlier for earlier, later in pairwise([dense, *between]))


def test_what_decides_is_trained_to_its_end_just_as_it_would_have_been(small_run, trained_steps, monkeypatch):
    """No round passes, so all of them are tried to their end; the first is then that of the plain procedure."""
    monkeypatch.setattr("subnets.search.passes", lambda *_, **__: False)
    _, results = results_of(*small_run(*EARLY))
    _, plain = results_of(*small_run("pruning.rounds=3", "controls=[]"))
    assert trained_steps == [None, 4, 4, None, None, None, *[None] * 4]
    assert results["passed"] == []
    assert [entry["round"] for entry in results["rounds"]] == [0, 1, 2, 3]
    for early, full in zip(results["rounds"][:2], plain["rounds"][:2], strict=True):
        assert (early["score"], early["test_score"]) == (full["score"], full["test_score"])


def test_a_watch_that_ends_nothing_changes_nothing(small_run, trained_steps):
    never = ["pruning.stop_when_stable=0", "pruning.look_every=1", "finetune.learning_rate=1e-2", "controls=[]"]
    _, watched = results_of(*small_run(*never))
    assert trained_steps == [None] * 3
    _, plain = results_of(*small_run(*never[2:]))
    assert watched.pop("seconds") >= 0 and plain.pop("seconds") >= 0
    assert watched == plain


@pytest.mark.parametrize(
    "more",
    [["pruning.rewind=1"], ["pruning.rewind_head=false"], ["controls=[shuffled_labels]"], ["pruning.skip_to=0.4"]],
    ids=lambda more: more[0],
)
def test_rounds_end_early_whatever_they_rewind_to_and_go_on_to_the_same_bytes(small_run, tmp_path, monkeypatch, more):
    given = [*EARLY, *more]
    folder, undisturbed = results_of(*small_run(*given))
    assert undisturbed["passed"]
    again, monkeypatched = [f"runs_dir={tmp_path}/again"], Folder.write_json

    def once(self, name, value):
        monkeypatch.setattr(Folder, "write_json", monkeypatched)
        raise KeyboardInterrupt

    overrides = small_run(*given, *again)
    for _ in range(3):
        monkeypatch.setattr(Folder, "write_json", once)
        with pytest.raises(KeyboardInterrupt):
            find.run(settings(*overrides))
    other, results = results_of(*overrides)
    assert undisturbed.pop("seconds") >= 0 and results.pop("seconds") >= 0
    assert results == undisturbed
    for left, right in zip(masks_of(folder, results["passed"]), masks_of(other, results["passed"]), strict=True):
        assert left == right


def test_a_loss_that_is_not_finite_is_said_of_its_step_before_anything_looks_at_the_mask(small_run, monkeypatch):
    taken = []

    def broken(logits, labels, **more):
        taken.append(0)
        return cross_entropy(logits, labels, **more) * (float("nan") if len(taken) == 15 else 1)

    monkeypatch.setattr("finetune.training.functional.cross_entropy", broken)
    said = r"round 2: the loss, its gradient or a weight .* at step 3; .*the last good mask is .*rounds/2/mask"
    with pytest.raises(RunFailed, match=said):
        find.run(settings(*small_run(*EARLY, "pruning.look_every=1", "pruning.stop_when_stable=0")))


def test_the_masks_of_passed_rounds_go_by_their_sparsity_beside_a_run_of_the_full_procedure(small_run):
    """Both runs are of one language and seed: each is meant where its own settings are said."""
    early, full = small_run(*EARLY, *ALL_PASS), small_run("pruning.rounds=3", "controls=[]", *ALL_PASS)
    folder, results = results_of(*early)
    plain, _ = results_of(*full)
    for overrides, place in ((early, folder), (full, plain)):
        found = source_mask("de@0.3", settings(*overrides))
        assert found.named[0].run.folder.path == place.path
        assert found_otherwise(found.named[0], settings(*overrides)) is None
    assert source_mask("de@0.3", settings(*early)).mask == masks_of(folder, results["passed"])[0]
    assert "pruning.stop_when_stable=0.9 (here None)" in found_otherwise(
        source_mask("de@0.3", settings(*early)).named[0], settings(*full)
    )


def test_a_round_ended_early_is_exported_with_the_weights_of_a_full_training(small_run, tmp_path):
    asked = ["step=export", "export.weights=trained", f"export.to={tmp_path}/model", "export.mask=de@0.3"]
    find.run(settings(*small_run(*EARLY, *ALL_PASS)))
    export.run(settings(*small_run(*EARLY, *ALL_PASS, *asked)))
    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "model")
    assert model.get_input_embeddings().weight.shape[0] == model.config.vocab_size


def test_a_rewind_point_kept_with_the_whole_vocabulary_is_gone_on_from(small_run, monkeypatch, tmp_path):
    rewound = small_run("pruning.rewind=3", "controls=[]")
    with monkeypatch.context() as before:
        before.setattr("subnets.workbench.can_be_narrowed", lambda model: False)
        before.setattr("subnets.rounds.Rounds.choose", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            find.run(settings(*rewound))
    kept = load_file(run_folder(settings(*rewound)).path / "rounds/0/rewind.safetensors")
    _, results = results_of(*rewound)
    _, undisturbed = results_of(*small_run("pruning.rewind=3", "controls=[]", f"runs_dir={tmp_path}/other"))
    (whole,) = [len(weight) for name, weight in kept.items() if "word_embeddings" in name]
    assert whole > len(set_up(settings(*rewound)).pieces)
    assert [each["score"] for each in results["rounds"]] == [each["score"] for each in undisturbed["rounds"]]


def _interrupted(*_args):
    raise KeyboardInterrupt


def test_a_round_ended_early_is_no_training_that_a_transfer_could_take(small_run, trained_steps):
    given = settings(*small_run(*EARLY, *ALL_PASS))
    folder, results = results_of(*small_run(*EARLY, *ALL_PASS))
    early, last = masks_of(folder, [results["passed"][0], results["rounds"][-1]])
    subnetworks = Subnetworks(given, set_up(given), Progress(speaks=False), trained_on="de")
    trained_steps.clear()
    assert subnetworks.score("round 3", last).folder.path == folder.path / "rounds/3"
    assert trained_steps == []
    subnetworks.score("round 1", early)
    assert trained_steps == [None]


def test_skipping_begins_with_the_largest_magnitudes_of_the_base(small_run):
    folder, results = results_of(*small_run("pruning.rounds=3", "pruning.skip_to=0.6", "controls=[]"))
    assert [entry["sparsity"] for entry in results["rounds"]] == pytest.approx([0, 0.6, 0.9], abs=1e-4)
    oneshot = ["pruning.sparsities=[0.6]", "pruning.score=base_magnitude", "controls=[]"]
    other, against = results_of(*small_run(*oneshot))
    assert masks_of(folder, results["rounds"])[1] == masks_of(other, against["rounds"])[1]
    assert results["rounds"][1]["score"] == against["rounds"][1]["score"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["pruning.score=taylor"], r"stop_when_stable=0\.9: .* pruning\.score=taylor needs gradients"),
        (["finetune.checkpoint_every=3"], r"checkpoint_every=3: .* multiples of 2"),
        (["pruning.look_every=4"], r"look_every=4: a round has 6 steps .* allowed: 1 to 3"),
        (["pruning.stop_when_stable=null"], r"look_every=2: says nothing without pruning\.stop_when_stable"),
    ],
)
def test_what_does_not_go_with_looking_at_masks_is_refused(small_run, wrong, message):
    with pytest.raises(InputError, match=message):
        find.run(settings(*small_run(*EARLY, *wrong)))


@pytest.mark.parametrize("to", ["0.6", "0.95"])
def test_skipping_beyond_the_last_round_is_refused(small_run, to):
    with pytest.raises(
        errors.InputError, match=rf"skip_to: found {to}; allowed: above 0 and below the last sparsity, 0\.6"
    ):
        settings(*small_run(f"pruning.skip_to={to}"))


@pytest.mark.parametrize(
    ("passing", "asked", "ticket"), [({1, 2, 3}, [3], 3), ({1}, [3, 2, 1], 1), (set(), [3, 2, 1], None)]
)
def test_only_what_decides_is_trained_in_full(passing, asked, ticket):
    tried = []

    def in_full(round_):
        tried.append(round_.number)
        return Round(round_.number, round_.mask, SimpleNamespace(of=round_.number), None)

    rounds = [Round(number, None, SimpleNamespace(of=None), None) for number in range(4)]
    known, found = decided(rounds, in_full=in_full, passes=lambda score: score.of in passing)
    assert tried == asked
    assert (found and found.number) == ticket
    assert [each.score.of for each in known] == [number if number in asked else None for number in range(4)]
