"""Transfers read from folders: what is taken, and what is refused."""

import json

import pytest
from composed import settings
from finished import entry, transferred

from subnets.errors import InputError
from subnets.steps import find, transfer
from subnets.tables import transfer_table
from subnets.transfer_means import over_seeds
from subnets.transfers import finished_transfers, one_of_each_transfer, without_places


def test_a_transfer_is_found_with_what_its_path_and_its_files_say(tmp_path):
    transferred(tmp_path, "en", "de", 3, score=87.1, own=88.3, random=70.0)
    (found,) = finished_transfers(str(tmp_path))
    assert (found.model, found.task, found.lang, found.seed, found.source) == ("tiny", "pos", "de", 3, "en")
    assert found.cell == ("tiny", "pos", "de", "trained", "en", "pos", 0.5)
    assert found.results.baselines["random"].score == 70.0
    assert found.results.against_own.difference == pytest.approx(-1.2)


def test_what_the_step_writes_is_read_and_averaged(small_run):
    fixed = small_run("controls=[]")
    for lang in ("de", "sw"):
        find.run(settings(*fixed, f"lang={lang}"))
    for seed in (0, 1):
        transfer.run(settings(*fixed, "step=transfer", "source.mask=sw", "source.sparsity=0.6", f"seed={seed}"))
    (runs_dir,) = [each.removeprefix("runs_dir=") for each in fixed if each.startswith("runs_dir=")]
    found = finished_transfers(runs_dir)
    (cell,) = over_seeds(found, confidence=0.95, resamples=100)
    assert (cell.task, cell.lang, cell.mode, cell.source, cell.source_task) == ("pos", "de", "trained", "sw", "pos")
    assert (cell.sparsity, cell.seeds) == (pytest.approx(0.6, abs=1e-3), (0, 1))
    assert set(cell.baselines) == {"own", "dense", "random", "oneshot", "partial_random@0.3"}
    differences = [each.results.against_own.difference for each in found]
    assert cell.difference.mean == pytest.approx(sum(differences) / 2)
    assert len({each.results.baselines["own"].digest for each in found}) == 1  # found in the run's folder and elsewhere
    assert cell.own.score.count == 2


@pytest.mark.parametrize(
    ("metric", "shown"), [("perplexity", ["+1.00", "+0.00", "-5.00"]), ("accuracy", ["-1.00", "+0.00", "+5.00"])]
)
def test_the_table_of_a_transfer_says_how_much_better_than_the_own_ticket(metric, shown):
    results = {"metric": metric, "cell": entry(4.0), "baselines": {"own": entry(5.0), "random": entry(10.0)}}
    lines = transfer_table(results).splitlines()
    assert lines[0].endswith("better than own")
    assert [line.split()[-1] for line in lines[2:]] == shown


def test_transfers_of_one_model_and_task_can_be_asked_for(tmp_path):
    for task in ("ner", "pos"):
        transferred(tmp_path, "en", "de", 0, score=80.0, task=task)
    assert [each.task for each in finished_transfers(str(tmp_path), model="tiny", task="ner")] == ["ner"]
    assert finished_transfers(str(tmp_path), model="other") == []


def test_sparsities_that_differ_by_a_rounded_weight_are_one(tmp_path):
    for seed, sparsity in enumerate((0.5, 0.500004)):
        transferred(tmp_path, "en", "de", seed, score=80.0, sparsity=sparsity)
    assert len({each.cell for each in finished_transfers(str(tmp_path))}) == 1


@pytest.mark.parametrize(
    ("expression", "shorter"),
    [
        ("en", "en"), ("en/seed1", "en"), ("ner/en/seed1-0a1b2c3d@0.5", "en"), ('"zh-yue"', "zh-yue"),
        ("core(en/seed0, pos/fr) - de", "core(en, fr) - de"), ("core(en@0.5, fr@0.5)", "core(en, fr)"),
        ("en+fa+fr+zh", "en+fa+fr+zh"), ("~en/seed0", "~en"), ("2 of (en, fr, zh)", "2 of (en, fr, zh)"),
    ],
)  # fmt: skip
def test_an_expression_is_called_alike_whatever_the_seed(expression, shorter):
    assert without_places(expression) == shorter


EVIL = "<img src=x onerror=alert(1)>"
REFUSED = {
    "source": {"source": EVIL},
    "source_task": {"source_task": "../ner"},
    "mode": {"mode": EVIL},
    "metric": {"metric": "bleu"},
    "sparsity": {"sparsity": 1.5},
    "masks.0.digest": {"masks": [{"name": "en", "origin": "somewhere", "digest": "0"}]},
    "masks.0.name": {"masks": [{"name": EVIL, "origin": "somewhere", "digest": "0" * 64}]},
    "cell.score": {"cell": entry("much")},
    "baselines": {"baselines": {EVIL: entry(1.0)}},
    "against_own.p_worse": {"against_own": {"difference": 0, "low": 0, "high": 0, "p_worse": 2}},
    "lies outside of the model's runs": {"cell": entry(1.0, mask="../../../../../elsewhere/mask.safetensors")},
    "lies outside": {"baselines": {"own": entry(1.0, mask="/etc/mask.safetensors")}},
}


@pytest.mark.parametrize("where", REFUSED)
def test_what_is_no_transfer_is_refused_with_its_place(tmp_path, where):
    folder = transferred(tmp_path, "en", "de", 0, score=80.0, own=81.0, more=REFUSED[where])
    with pytest.raises(InputError, match=where) as caught:
        finished_transfers(str(tmp_path))
    assert str(folder / "results.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_whose_name_could_be_an_element_is_refused(tmp_path):
    place = tmp_path / "tiny" / "pos" / "<b>" / "transfer" / "seed0-00000000"
    place.mkdir(parents=True)
    (place / "results.json").write_text("{}")
    with pytest.raises(InputError, match="'<b>' is no name of a model, task or language"):
        finished_transfers(str(tmp_path))


@pytest.mark.parametrize("settings", ["", "[1]", "{seed: yes}"])
def test_settings_without_a_seed_are_refused(tmp_path, settings):
    folder = transferred(tmp_path, "en", "de", 0, score=80.0)
    (folder / "settings.yaml").write_text(settings)
    with pytest.raises(InputError, match=r"settings\.yaml: not the settings of a run"):
        finished_transfers(str(tmp_path))


def test_a_missing_key_is_named(tmp_path):
    folder = transferred(tmp_path, "en", "de", 0, score=80.0)
    results = json.loads((folder / "results.json").read_text())
    del results["cell"]
    (folder / "results.json").write_text(json.dumps(results))
    with pytest.raises(InputError, match="cell: "):
        finished_transfers(str(tmp_path))


def test_of_two_of_one_cell_and_seed_that_is_shown_whose_settings_most_have(tmp_path):
    for lang in ("de", "fr"):
        transferred(tmp_path, "en", lang, 0, score=80.0, steps=5)
    transferred(tmp_path, "en", "de", 0, score=50.0, steps=9)
    chosen, left_out = one_of_each_transfer(finished_transfers(str(tmp_path)))
    assert [each.results.cell.score for each in chosen] == [80.0, 80.0]
    (said,) = left_out
    assert said.startswith(
        "1 of 3 transfers to pos (mode trained, sparsity 50.0%), which differ from those shown in finetune.steps: "
        "left out are en to de seed 0; shown are those with the settings of pos/de/transfer/"
    )


def test_where_as_many_have_either_settings_a_matrix_is_of_one_of_them_throughout(tmp_path):
    for steps in (6, 7):
        for source in ("de", "sw"):
            for target in ("de", "sw"):
                for seed in (0, 1):
                    transferred(tmp_path, source, target, seed, score=steps, steps=steps)
    chosen, (said,) = one_of_each_transfer(finished_transfers(str(tmp_path)))
    assert [each.results.cell.score for each in chosen] == [7] * 8
    assert said.startswith("8 of 16 transfers to pos")


def test_a_seed_that_exists_under_other_settings_alone_is_left_out_and_named(tmp_path):
    for seed in (0, 1):
        transferred(tmp_path, "en", "de", seed, score=80.0)
    transferred(tmp_path, "en", "de", 2, score=50.0, steps=9)
    chosen, (said,) = one_of_each_transfer(finished_transfers(str(tmp_path)))
    assert [each.seed for each in chosen] == [0, 1]
    assert "left out are en to de seed 2;" in said


def test_sources_of_one_matrix_vote_together(tmp_path):
    # Each mask is named by a setting of its own; the two sources of 5 steps outvote the one of 9.
    for source, steps in (("en", 5), ("fr", 5), ("zh", 9)):
        transferred(tmp_path, source, "de", 0, score=80.0, steps=steps)
    chosen, _ = one_of_each_transfer(finished_transfers(str(tmp_path)))
    assert [each.source for each in chosen] == ["en", "fr"]


def test_matrices_of_other_modes_and_sparsities_are_chosen_apart(tmp_path):
    for steps, more in ((5, {}), (9, {"mode": "frozen"}), (7, {"sparsity": 0.8})):
        transferred(tmp_path, "en", "de", 0, score=80.0, steps=steps, **more)
    chosen, left_out = one_of_each_transfer(finished_transfers(str(tmp_path)))
    assert (len(chosen), left_out) == (3, [])


def test_a_mask_named_in_two_ways_is_shown_once(tmp_path):
    for source in ("en/seed0", "en"):
        transferred(tmp_path, source, "de", 0, score=80.0)
    (shown,), (said,) = one_of_each_transfer(finished_transfers(str(tmp_path)))
    assert shown.results.source == "en"
    assert said.startswith("2 transfers of en to pos de seed 0, which differ in source.mask: shown is pos/de/transfer/")


def test_masks_of_other_seeds_of_the_source_are_cells_of_their_own(tmp_path):
    for seed in (0, 1):
        transferred(tmp_path, "en", "de", 0, score=80.0, source_seeds=(seed,))
    assert len(one_of_each_transfer(finished_transfers(str(tmp_path)))[0]) == 2
