"""step=compare: from finished runs to tables, by the command as a user types it."""

import csv
import json

import numpy as np
import pytest
from composed import settings as composed_settings
from finished import written

from pruning.mask_file import read_mask
from subnets.catalogue import finished_runs
from subnets.errors import InputError
from subnets.steps import compare, find


@pytest.fixture
def six_runs(tmp_path):
    for lang in ("de", "fr", "sw"):
        for seed in (0, 1):
            written(tmp_path, lang, seed)
    return tmp_path


def compared(runs_dir, *more):
    settings = composed_settings("step=compare", "task=pos", "model.label=tiny", f"runs_dir={runs_dir}", *more)
    return compare.run(settings), runs_dir / "tiny" / "pos" / "compare" / settings.lang


def table(folder, name):
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_pair_part_and_sparsity_has_its_row_and_its_numbers_are_the_masks(six_runs):
    _, folder = compared(six_runs)
    rows = table(folder, "overlap.csv")
    assert len(rows) == 15 * 2 * (1 + 2 + 1)  # pairs, sparsities; whole, layers, component
    row = next(row for row in rows if row["kind"] == "layer" and row["layer"] == "1" and row["sparsity"] == "0.5")
    masks = [
        read_mask(six_runs / "tiny" / row[side] / "rounds" / "2" / "mask.safetensors")[0] for side in ("left", "right")
    ]
    left, right = (each.bools("encoder.layer.1.attention.self.query.weight") for each in masks)
    assert int(row["both"]) == np.sum(left & right)
    assert float(row["jaccard"]) == np.sum(left & right) / np.sum(left | right)
    assert float(row["both_expected"]) == pytest.approx(left.sum() * right.sum() / 64)


def test_languages_are_compared_across_seeds_and_the_same_seed_is_told_apart(six_runs):
    value, folder = compared(six_runs)
    pairs = [row for row in table(folder, "overlap.csv") if row["kind"] == "whole" and row["sparsity"] == "0.5"]
    found = [row for row in table(folder, "languages.csv") if row["kind"] == "whole" and row["sparsity"] == "0.5"
             and row["measure"] == "jaccard"]  # fmt: skip
    de_fr = {row["seeds"]: row for row in found if (row["left"], row["right"]) == ("de", "fr")}
    for relation, same in (("other", False), ("same", True)):
        expected = [float(row["jaccard"]) for row in pairs if (row["left_lang"], row["right_lang"]) == ("de", "fr")
                    and (row["left_seed"] == row["right_seed"]) == same]  # fmt: skip
        assert len(expected) == int(de_fr[relation]["pairs"]) == 2
        assert float(de_fr[relation]["mean"]) == pytest.approx(np.mean(expected))
    ceilings = {row["left"]: float(row["mean"]) for row in found if row["left"] == row["right"]}
    assert float(de_fr["other"]["ceiling"]) == pytest.approx((ceilings["de"] + ceilings["fr"]) / 2)
    other = [float(row["mean"]) for row in found if row["left"] != row["right"] and row["seeds"] == "other"]
    assert value == pytest.approx(np.mean(other))


def test_a_mix_is_no_language_of_its_own_and_is_named(six_runs):
    value, folder = compared(six_runs, "compare.topology=false")
    names = ("languages", "ladder", "relatedness", "overlap", "overview")
    before = {name: (folder / f"{name}.csv").read_bytes() for name in names}
    for seed in (0, 1):
        written(six_runs, "de+sw", seed)
    assert compared(six_runs, "compare.topology=false")[0] == value
    assert {name: (folder / f"{name}.csv").read_bytes() for name in names} == before
    said = json.loads((folder / "warnings.json").read_text(encoding="utf-8"))
    assert "left out, as mixes are no languages of their own: de+sw" in said


def test_a_language_and_a_mix_are_not_two_languages(tmp_path):
    for lang in ("de", "de+sw"):
        written(tmp_path, lang, 0)
    with pytest.raises(InputError, match="found 1 of one language; expected at least 2"):
        compared(tmp_path)


def test_equal_masks_overlap_fully(tmp_path):
    for lang in ("de", "fr"):
        written(tmp_path, lang, 0, mask_seed=7)
    value, folder = compared(tmp_path)
    assert value == 1
    assert all(float(row["jaccard_corrected"]) == 1 for row in table(folder, "overlap.csv"))


def test_the_ladder_counts_languages_of_one_seed(six_runs):
    _, folder = compared(six_runs)
    rows = [row for row in table(folder, "ladder.csv") if row["kind"] == "whole"]
    assert {(row["sparsity"], row["seed"]) for row in rows} >= {("0.5", "0"), ("0.5", "1")}
    for sparsity in ("0.5",):
        of_one = [row for row in rows if row["sparsity"] == sparsity and row["seed"] == "0"]
        assert [row["languages"] for row in of_one] == ["de+fr+sw"] * 4
        assert sum(int(row["weights"]) for row in of_one) == 128
        assert sum(int(row["kept_by"]) * int(row["weights"]) for row in of_one) == 3 * 64


def test_warnings_name_what_a_reader_must_know(six_runs, capsys):
    written(six_runs, "zh", 0, steps=6)
    compared(six_runs)
    said = capsys.readouterr().out
    assert "warning: runs differ in finetune.steps: 5, 6" in said
    assert "warning: one seed only: zh" in said
    assert "warning: no floor, no heads and no departures from the one-shot mask" in said


def test_languages_asked_for_are_those_compared(six_runs):
    _, folder = compared(six_runs, "lang=de+sw")
    assert {row["left_lang"] for row in table(folder, "overlap.csv")} == {"de", "sw"}
    with pytest.raises(InputError, match="no finished run of hi in"):
        compared(six_runs, "lang=de+hi")


def test_fewer_than_two_runs_are_not_compared(tmp_path):
    written(tmp_path, "de", 0)
    with pytest.raises(InputError, match=r"found 1 finished runs .* needs at least 2"):
        compared(tmp_path)


def test_runs_without_a_common_sparsity_are_not_compared(tmp_path):
    written(tmp_path, "de", 0, shares=(0.5,))
    written(tmp_path, "fr", 0, shares=(0.7,))
    with pytest.raises(InputError, match="no two of them have a sparsity in common"):
        compared(tmp_path)


def test_masks_of_another_base_are_refused(tmp_path):
    written(tmp_path, "de", 0)
    written(tmp_path, "fr", 0, base="c" * 64)
    with pytest.raises(InputError, match="a mask of another base than"):
        compared(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda results: results["rounds"][1].update(mask="../../../../x"), "lies outside of the run's folder"),
        (lambda results: results["rounds"][1].update(sparsity=2), r"results.json: rounds.1.sparsity: .* \(got '2'\)"),
        (lambda results: results.pop("dense"), "results.json: dense: Field required"),
        (lambda results: results["rounds"][1].update(score="=1+1"), "results.json: rounds.1.score"),
    ],
)
def test_a_damaged_run_is_named(six_runs, change, message):
    place = six_runs / "tiny" / "pos" / "de" / "seed0-00000000" / "results.json"
    results = json.loads(place.read_text())
    change(results)
    place.write_text(json.dumps(results))
    with pytest.raises(InputError, match=message):
        compared(six_runs)


def test_settings_are_data_never_code(six_runs):
    place = six_runs / "tiny" / "pos" / "de" / "seed0-00000000" / "settings.yaml"
    place.write_text("!!python/object/apply:os.system ['touch /tmp/never']")
    with pytest.raises(InputError, match=r"settings\.yaml: not the settings of a run"):
        finished_runs(str(six_runs), model="tiny")


def test_a_mask_put_into_another_run_is_found_out(six_runs):
    there, here = (six_runs / "tiny" / "pos" / lang / "seed0-00000000" / "rounds" / "1" / "mask.safetensors"
                   for lang in ("de", "fr"))  # fmt: skip
    here.write_bytes(there.read_bytes())
    with pytest.raises(InputError, match=r"a mask of task, language and seed .*'de'.* expected one of pos/fr"):
        compared(six_runs)


def test_names_of_folders_cannot_mean_anything_else(six_runs):
    (six_runs / "tiny" / "pos" / "fr").rename(six_runs / "tiny" / "pos" / "=fr<script>")
    with pytest.raises(InputError, match="'=fr<script>' is no name of a model, task or language"):
        compared(six_runs)


def test_with_a_base_there_are_floor_heads_and_departures(small_run, tmp_path):
    for lang in ("de", "sw"):
        for seed in (0, 1):
            controls = "controls=[shuffled_labels]" if (lang, seed) == ("sw", 1) else "controls=[]"
            overrides = [each for each in small_run(controls) if not each.startswith("lang=")]
            find.run(composed_settings(*overrides, f"lang={lang}", f"seed={seed}"))
    given = composed_settings("step=compare", *[each for each in small_run() if not each.startswith("lang=")])
    compare.run(given)
    (folder,) = (tmp_path / "runs").glob("*/pos/compare/all")
    rows = table(folder, "languages.csv")
    assert {row["measure"] for row in rows} == {
        "jaccard", "dice", "containment", "agreement", "kappa", "kept_though_small", "dropped_though_large",
    }  # fmt: skip
    assert len({(row["layer"], row["head"]) for row in rows if row["kind"] == "head"}) == 4
    jaccard = [row for row in rows if row["measure"] == "jaccard" and row["kind"] == "whole"]
    assert all(0 < float(row["chance"]) < float(row["floor"]) <= 1 for row in jaccard)
    shuffled = {row["measure"]: row for row in table(folder, "overview.csv") if "shuffled" in row["what"]}
    assert set(shuffled) == {"jaccard", "kept_though_small", "dropped_though_large"}
    assert {row["count"] for row in shuffled.values()} == {"1"}
    assert 0 < float(shuffled["jaccard"]["chance"]) < float(shuffled["jaccard"]["mean"]) < 1


def test_a_mask_is_held_against_that_of_shuffled_labels(tmp_path):
    control = {"sparsity": 0.5, "score": 40.0, "test_score": None, "mask": "controls/shuffled_labels/mask.safetensors"}
    for lang in ("de", "fr"):
        folder = written(tmp_path, lang, 0, controls={"shuffled_labels": control})
        (folder / "controls" / "shuffled_labels").mkdir(parents=True)
        taken = folder if lang == "de" else written(tmp_path / "elsewhere", lang, 0, mask_seed=99)
        source = taken / "rounds" / "2" / "mask.safetensors"
        (folder / "controls" / "shuffled_labels" / "mask.safetensors").write_bytes(source.read_bytes())
    _, folder = compared(tmp_path)
    (row,) = [row for row in table(folder, "overview.csv") if "shuffled" in row["what"]]
    own, other = (
        read_mask(place / "tiny" / "pos" / "fr" / "seed0-00000000" / "rounds" / "2" / "mask.safetensors")[0]
        for place in (tmp_path, tmp_path / "elsewhere")
    )
    of_fr = (own & other).kept / (own | other).kept
    assert (row["measure"], row["sparsity"], row["count"]) == ("jaccard", "0.5", "2")
    assert float(row["mean"]) == pytest.approx((1 + of_fr) / 2)  # that of de has its own run's mask


def test_without_the_control_there_is_no_word_of_shuffled_labels(six_runs):
    _, folder = compared(six_runs)
    assert not [row for row in table(folder, "overview.csv") if "shuffled" in row["what"]]
