"""Trajectories over seeds: cases small enough to check by hand."""

import json
import statistics

import pytest
from finished import written

from subnets.catalogue import finished_runs
from subnets.report.content import worst_of
from subnets.report.trajectories import trajectories
from subnets.report.wording import warnings_of


def of_seeds(tmp_path, scores, *, lang="de", metric="accuracy", **more):
    for seed, each in enumerate(scores):
        written(tmp_path, lang, seed, scores=each, metric=metric, **more)
    return trajectories(finished_runs(str(tmp_path)), confidence=0.95, resamples=500)


def test_the_ticket_is_of_the_means_over_seeds_and_not_of_any_run(tmp_path):
    # dense 90, 92, 94: mean 92, standard deviation 2. Means of the rounds: 90.0 (within) and 89.9 (not).
    (found,) = of_seeds(tmp_path, [(90, 84, 92), (92, 92, 90), (94, 94, 87.7)])
    assert (found.dense, found.dense_standard_deviation) == (92, 2)
    assert [point.score.mean for point in found.points] == pytest.approx([92, 90, 89.9])
    assert found.ticket is found.points[1]
    assert found.dense_seeds == (0, 1, 2)


def test_lower_is_better_for_perplexity(tmp_path):
    # dense 10, 11, 12: mean 11, standard deviation 1: 12 is within, 12.5 is not.
    (found,) = of_seeds(tmp_path, [(10, 11, 12.5), (11, 12, 12.5), (12, 13, 12.5)], metric="perplexity")
    assert found.ticket is not None
    assert found.ticket.score.mean == 12
    assert not found.higher_is_better


def test_one_seed_has_no_standard_deviation_and_so_no_ticket_over_seeds(tmp_path):
    (found,) = of_seeds(tmp_path, [(90, 90, 90)])
    assert (found.dense_standard_deviation, found.ticket) == (None, None)
    assert (found.points[0].score.low, found.points[0].score.count) == (None, 1)


def test_the_dense_runs_that_the_runs_were_held_against_are_those_of_the_band(tmp_path):
    dense = {"score": 91.0, "test_score": None, "standard_deviation": 0.5, "seeds": [0, 1, 2]}
    (found,) = of_seeds(tmp_path, [(90, 90, 90), (92, 92, 92)], dense=dense)
    assert (found.dense, found.dense_standard_deviation, found.dense_seeds) == (91.0, 0.5, (0, 1, 2))


def test_a_control_is_held_against_the_ticket_of_its_own_run(tmp_path):
    for seed, (ticket, random) in enumerate([(90.0, 60.0), (80.0, 70.0)]):
        control = {"sparsity": 0.3, "score": random, "test_score": None, "mask": "controls/random/mask.safetensors"}
        written(tmp_path, "de", seed, scores=(90, ticket, 50), controls={"random": control})
    (found,) = trajectories(finished_runs(str(tmp_path)), confidence=0.95, resamples=500)
    (control,) = found.controls
    assert control.behind is not None
    assert (control.behind.mean, control.behind.low, control.behind.high) == (20, 10, 30)
    assert (control.name, control.sparsity, control.score.mean) == ("random", 0.3, 65)


def test_controls_at_other_sparsities_are_not_averaged(tmp_path):
    for seed, sparsity in enumerate((0.3, 0.5)):
        control = {"sparsity": sparsity, "score": 60.0, "test_score": None, "mask": "controls/random/mask.safetensors"}
        written(tmp_path, "de", seed, controls={"random": control})
    (found,) = trajectories(finished_runs(str(tmp_path)), confidence=0.95, resamples=500)
    assert [(control.sparsity, control.score.count) for control in found.controls] == [(0.3, 1), (0.5, 1)]


def test_a_sparsity_that_not_all_seeds_have_is_no_ticket_over_seeds(tmp_path):
    written(tmp_path, "de", 0, shares=(0.7, 0.5), scores=(90, 90, 90))
    written(tmp_path, "de", 1, shares=(0.7,), scores=(91, 91))
    (found,) = trajectories(finished_runs(str(tmp_path)), confidence=0.95, resamples=500)
    assert found.ticket is not None
    assert found.ticket.sparsity == 0.3


def test_a_model_that_learnt_nothing_has_no_ticket(tmp_path):
    (found,) = of_seeds(tmp_path, [(0, 0, 0), (0, 0, 0)], metric="span_f1")
    assert (found.dense_standard_deviation, found.ticket) == (0, None)


def test_every_model_task_and_language_has_its_own(tmp_path):
    for task in ("ner", "pos"):
        for lang in ("de", "sw"):
            written(tmp_path, lang, 0, task=task)
    found = trajectories(finished_runs(str(tmp_path)), confidence=0.95, resamples=500)
    assert [(each.task, each.lang) for each in found] == [("ner", "de"), ("ner", "sw"), ("pos", "de"), ("pos", "sw")]


def test_the_worst_language_is_one_without_a_ticket_and_then_the_one_with_the_lowest_score(tmp_path):
    scores = {
        "de": [(90, 90, 10), (91, 91, 10)],
        "fr": [(80, 80, 10), (81, 81, 10)],
        "sw": [(99, 10, 10), (98, 10, 10)],
    }
    for lang, each in scores.items():
        of_seeds(tmp_path, each, lang=lang)
    found = trajectories(finished_runs(str(tmp_path)), confidence=0.95, resamples=500)
    assert worst_of(found).lang == "sw"
    assert worst_of(found[:2]).lang == "fr"


def test_seconds_are_those_of_all_runs(tmp_path):
    (found,) = of_seeds(tmp_path, [(90, 90, 90), (92, 92, 92)])
    seconds = [json.loads(path.read_text())["seconds"] for path in tmp_path.rglob("results.json")]
    assert found.seconds == statistics.fsum(seconds)


def test_a_level_that_a_run_passed_over_has_no_mean_and_leaves_open_whether_there_is_a_ticket(tmp_path):
    """Only the runs whose sparser rounds failed have a score there: their mean would be that of the worse."""
    of_seeds(tmp_path, [(90, 90, 80), (91, 91, 80), (92, 92, 80)])
    results = tmp_path / "tiny" / "pos" / "de" / "seed0-00000000" / "results.json"
    kept = json.loads(results.read_text())
    early = kept["rounds"].pop(1)
    kept["passed"] = [{key: early[key] for key in ("round", "sparsity", "mask")} | {"stopped_at": 4}]
    results.write_text(json.dumps(kept | {"ticket": None, "reason": "none"}))
    runs = finished_runs(str(tmp_path))
    (found,) = trajectories(runs, confidence=0.95, resamples=500)
    assert [point.sparsity for point in found.points] == [0, 0.5]
    assert (found.ticket, found.passed) == (None, (0.3,))
    (note,) = [each for each in warnings_of(runs, [found], [], everything=runs) if "pos de" in each and "early" in each]
    assert "not known whether there is one" in note
    assert not any(each.startswith("No ticket") for each in warnings_of(runs, [found], [], everything=runs))
