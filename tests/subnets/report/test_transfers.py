"""Transfers, other masks and the paper's numbers in the report: page, tables, pictures, and what cannot get in."""

import csv
import json
import re

import pytest
from composed import composed
from finished import entry, transferred, written
from study import LANGS, LOSS, OWN, small_study

from subnets.errors import InputError
from subnets.report.wording import transfer_methods_of
from subnets.settings import settings_of
from subnets.steps import report
from subnets.transfers import finished_transfers

SECTIONS = ("transfers", "sources", "cross_tasks", "multilingual", "other_masks", "beside")


def reported(root, *more):
    plain = composed("step=report", "task=pos", f"runs_dir={root}", "compare.topology=false", *more)
    report.run(settings_of(plain | {"every_task": not any(each.startswith("task=") for each in more)}))
    (place,) = (root / "report").rglob("report.html")
    return place


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return small_study(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def page(root):
    return reported(root).read_text(encoding="utf-8")


def content_of(page):
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.DOTALL)
    return json.loads(data)


def table(root, name):
    with (root / "report" / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def matrix(page, name, *, sparsity=0.5, mode="trained"):
    (found,) = [each for each in content_of(page)[name] if (each["sparsity"], each["mode"]) == (sparsity, mode)]
    return found


def test_every_section_has_its_figure_its_table_and_its_files(root, page):
    folder = root / "report"
    for name in SECTIONS:
        assert f'data-figure="{name}"' in page
        assert (folder / "figures" / f"tiny-ner-{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / "figures" / f"tiny-ner-{name}.svg").is_file()
    for name in ("transfers", "transfer_summary", "sources", "cross_tasks", "multilingual", "other_masks"):
        assert table(root, name)
        assert (folder / "tables" / f"{name}.tex").read_text(encoding="utf-8").startswith(r"\begin{tabular}")


def test_the_matrix_is_the_difference_to_the_own_mask_marked_where_it_is_within_one_deviation(page):
    found = matrix(page, "transfers")
    assert found["down"] == [*LANGS, "en+fa+fr+zh"]
    assert found["along"] == list(LANGS)
    for row, source in enumerate(found["down"]):
        for column, target in enumerate(LANGS):
            loss = 0 if source == target else LOSS[source]
            assert found["values"][row][column] == pytest.approx(-loss)
            assert found["marks"][row][column] == (loss < 0.5**0.5)  # own scores lie 1 apart


def test_hovering_tells_all_numbers_of_a_cell(page):
    found = matrix(page, "transfers")
    told = found["hover"][found["down"].index("en")][found["along"].index("de")]
    assert told == [
        "en (ner) → de (ner)", "span_f1 87.50 [87.00, 88.00], 2 seed(s)",
        "better than own by -1.00 [-1.00, -1.00], -1.13%",
        "dense 88.50 ± 0.71", "own 88.50 ± 0.71", "partial random@0.3 83.50 ± 0.71", "random 70.00 ± 0.00",
        "not within one sd of own", "not worse by bootstrap: 100% of cells",
    ]  # fmt: skip


def test_untrained_masks_and_other_sparsities_are_matrices_of_their_own(page):
    assert matrix(page, "transfers", mode="frozen")["values"] == [[-50]]
    assert matrix(page, "transfers", sparsity=0.8)["values"][0][1] == pytest.approx(-3 * LOSS["de"])


def test_the_table_of_transfers_has_a_row_a_cell_and_agrees_with_the_matrix(root, page):
    rows = table(root, "transfers")
    assert len(rows) == 2 * 4 * 3 + 3 + 1
    found = matrix(page, "transfers")
    for row in rows:
        if (row["mode"], row["sparsity"], row["source_task"]) == ("trained", "0.5", "ner"):
            value = found["values"][found["down"].index(row["source"])][found["along"].index(row["lang"])]
            assert float(row["better_than_own"]) == pytest.approx(value, abs=1e-5)
            assert float(row["partial_random@0.3"]) == pytest.approx(OWN[row["lang"]] + 0.5 - 5)


def test_a_source_is_averaged_over_other_languages_at_every_sparsity(page):
    (found,) = [each for each in content_of(page)["sources"] if each["mode"] == "trained"]
    at = found["sources"].index("en")
    expected = sum(-1 / (OWN[lang] + 0.5) for lang in ("de", "zh")) / 2
    means = [level["mean"][at] for level in found["levels"]]
    assert means == pytest.approx([expected, 3 * expected], abs=1e-5)
    assert found["levels"][0]["targets"][at] == "de, zh"


def test_tasks_and_mixes_stand_apart(page):
    tasks = matrix(page, "cross_tasks")
    assert (tasks["down"], tasks["values"]) == (["xnli"], [[-2, -2, -2]])
    mixes = matrix(page, "multilingual")
    assert mixes["down"] == ["en", "zh", "en+fa+fr+zh"]  # de is no part of the mix


def test_masks_by_another_score_are_held_against_dense(root, page):
    found = matrix(page, "other_masks")
    assert (found["down"], found["values"]) == (["fisher", "magnitude"], [[-8] * 3, [0] * 3])
    assert {(row["chosen_by"], row["better_than_dense"]) for row in table(root, "other_masks")} == {
        ("fisher", "-8.0"), ("magnitude", "0.0")
    }  # fmt: skip


def test_trajectories_are_of_one_score_in_all_languages(root, page):
    assert "which differ in pruning.score" in page
    assert {row["dense"] for row in table(root, "outcomes")} == {str(own + 0.5) for own in OWN.values()}
    assert all(len(each["points"]["mean"]) == 2 for each in content_of(page)["trajectories"])


def test_our_cells_stand_beside_the_papers(root, page):
    rows = {(row["table"], row["task"], row["mask"], row["lang"]): row for row in table(root, "beside_paper")}
    dense = rows["Table 2", "ner", "dense", "de"]
    assert (dense["paper"], dense["ours"], dense["difference"]) == ("89.11", "88.5", "")
    random = rows["Table 2", "xnli", "random", "zh"]
    assert float(random["difference"]) == pytest.approx(70 - 80.5)
    assert float(random["paper_difference"]) == pytest.approx(68.23 - 76.60)
    cell = rows["Tables 3 to 5", "ner", "en", "de"]
    assert (cell["paper"], cell["difference"]) == ("87.53", "-1.0")
    assert float(cell["paper_difference"]) == pytest.approx(87.53 - 88.81)
    mix = rows["Table 1", "ner", "en+fa+fr+zh", "de"]
    assert (mix["paper"], mix["difference"]) == ("87.81", "-0.5")
    task = rows["Figure 9", "ner", "xnli", "zh"]
    assert (task["paper"], task["paper_difference"], task["difference"]) == ("", "-3.3", "-2.0")
    assert float(rows["Figure 9", "ner", "random", "zh"]["difference"]) == pytest.approx(70 - 80.5)
    assert ("Tables 3 to 5", "ner", "de", "de") not in rows
    assert "only signs and orders compare" in page


def test_signs_and_orders_are_counted(root, page):
    (row,) = [row for row in table(root, "agreement") if row["table"] == "Tables 3 to 5"]
    assert (row["cells"], row["same_sign"]) == ("6", "6")


def test_latex_can_set_the_mark(root, page):
    text = (root / "report" / "tables" / "transfers.tex").read_text(encoding="utf-8")
    assert r"\checkmark{}" in text
    assert "✓" not in text


def test_the_methods_say_what_a_successful_transfer_is(page):
    assert "A transfer is successful where its mean over seeds is within one standard deviation" in page


def methods_of(root):
    (told,) = transfer_methods_of(finished_transfers(str(root)), confidence=0.95)
    return told


def test_the_methods_tell_of_the_modes_there_are_alone(tmp_path):
    transferred(tmp_path, "en", "de", 0, score=80.0, mode="zero_shot")
    transferred(tmp_path, "en", "de", 0, score=80.0, mode="frozen", sparsity=0.8)
    told = methods_of(tmp_path)
    assert "trained on the source's language inside the mask" in told
    assert "without any training. Sparsities: 50.0%, 80.0%." in told
    assert "trained on the target" not in told
    assert "own" not in told


@pytest.mark.parametrize(("own", "said"), [(0.5, "own mask of the same sparsity"), (0.3, "own ticket, whose sparsity")])
def test_the_methods_say_which_own_mask_is_meant(tmp_path, own, said):
    against = {"difference": -1.0, "low": -2.0, "high": 0.0, "p_worse": 0.1}
    more = {"baselines": {"own": entry(81.0, sparsity=own)}, "against_own": against}
    transferred(tmp_path, "en", "de", 0, score=80.0, more=more)
    assert f"Differences are to the target's {said}" in methods_of(tmp_path)


def test_one_target_can_be_reported_on_alone(tmp_path):
    small_study(tmp_path)
    place = reported(tmp_path, "task=ner", "lang=de+en")
    found = matrix(place.read_text(encoding="utf-8"), "transfers")
    assert (found["along"], found["down"]) == (["de", "en"], [*LANGS, "en+fa+fr+zh"])


def test_a_mix_asked_for_is_reported_on_with_its_languages(tmp_path):
    for lang in ("de", "sw", "sw+de", "de+en", "en"):
        written(tmp_path, lang, 0)
    transferred(tmp_path, "de", "sw+de", 0, score=80.0, own=81.0)
    page = reported(tmp_path, "lang=de+sw", "task=pos").read_text(encoding="utf-8")
    assert {each["lang"] for each in content_of(page)["trajectories"]} == {"de", "sw", "sw+de"}
    assert matrix(page, "transfers")["along"] == ["sw+de"]
    assert "left out, as mixes are no languages of their own: sw+de" in page


def test_without_transfers_there_is_no_word_of_them(tmp_path):
    written(tmp_path, "de", 0)
    page = reported(tmp_path).read_text(encoding="utf-8")
    assert not [name for name in SECTIONS if f'data-figure="{name}"' in page]
    assert "transfers" not in page.lower().replace('"transfers":[]', "").split("<script")[0]
    assert not (tmp_path / "report" / "tables" / "transfers.csv").exists()


def test_a_cell_without_an_own_mask_is_shown_by_its_score(tmp_path):
    written(tmp_path, "de", 0)
    transferred(tmp_path, "en", "de", 0, score=80.0)
    page = reported(tmp_path).read_text(encoding="utf-8")
    assert matrix(page, "transfers")["values"] == [[None]]
    assert "80.00 (no own)" in page


def test_of_two_transfers_of_a_cell_the_report_says_which_it_shows(tmp_path):
    written(tmp_path, "de", 0)
    for steps in (5, 9):
        transferred(tmp_path, "en", "de", 0, score=80.0, steps=steps)
    assert (
        "1 of 2 transfers to pos (mode trained, sparsity 50.0%), which differ from those shown in finetune.steps"
        in (reported(tmp_path).read_text(encoding="utf-8"))
    )


def test_matrices_of_other_settings_than_others_are_told_apart(tmp_path):
    written(tmp_path, "de", 0)
    for steps, mode in ((5, "trained"), (9, "frozen")):
        transferred(tmp_path, "en", "de", 0, score=80.0, steps=steps, mode=mode)
    page = reported(tmp_path).read_text(encoding="utf-8")
    assert "Transfers differ in finetune.steps: 9, 5." in page or "Transfers differ in finetune.steps: 5, 9." in page
    assert "Transfers differ in source" not in page


EVIL = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


def test_no_name_of_a_transfer_can_become_an_element(tmp_path):
    written(tmp_path, "de", 0)
    source = r'core(en, "a&b$\frac$") & (fr | sw | zh | a | b | c)'
    transferred(tmp_path, source, "de", 0, score=80.0, own=81.0)
    page = reported(tmp_path).read_text(encoding="utf-8")
    assert r"core(en, &#34;a&amp;b$\frac$&#34;) &amp; (fr" in page
    assert matrix(page, "transfers")["down"] == [source]
    transferred(tmp_path, EVIL, "de", 0, score=80.0, own=81.0)
    with pytest.raises(InputError, match=r"results\.json: source: "):
        reported(tmp_path)


def test_no_score_in_settings_can_become_an_element(tmp_path):
    for score, hashed in (("magnitude", "00000000"), (EVIL, "00000001")):
        written(tmp_path, "de", 0, more={"pruning": {"score": score}}, hashed=hashed)
    page = reported(tmp_path).read_text(encoding="utf-8")
    assert EVIL in matrix(page, "other_masks", sparsity=0.3)["down"]
    assert "<img" not in page
    assert page.count("<script") == 3
