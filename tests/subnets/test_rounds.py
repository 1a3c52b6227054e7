"""Rounds that end early, rounds that are left out, and that what decides is trained to its end all the same."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
from composed import settings

from pruning import errors
from pruning.lottery import Round
from pruning.mask_file import read_mask
from subnets.errors import InputError
from subnets.progress import Progress
from subnets.rounds import decided
from subnets.steps import find
from subnets.subnetworks import Subnetworks
from subnets.workbench import Workbench, set_up
from subnets.workspace import run_folder

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


def test_a_watch_that_never_looks_twice_changes_nothing(small_run):
    _, never = results_of(*small_run("pruning.stop_when_stable=0.9", "pruning.look_every=4"))
    _, plain = results_of(*small_run())
    assert never.pop("seconds") >= 0 and plain.pop("seconds") >= 0
    assert never == plain


def test_a_mask_that_moves_more_than_the_tolerance_ends_nothing(small_run, trained_steps):
    results_of(
        *small_run("pruning.stop_when_stable=0", "pruning.look_every=1", "finetune.learning_rate=1e-2", "controls=[]")
    )
    assert trained_steps == [None] * 3


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
