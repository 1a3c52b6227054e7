"""Retrieval and similarity in the report: page, tables, pictures, also without any run, and what cannot get in."""

import csv
import json
import re

import pytest
from composed import composed
from finished import looked_at, retrieval_rows, transferred, written
from looked import accuracy, small_look

from subnets.errors import InputError
from subnets.settings import settings_of
from subnets.steps import report

SECTIONS = ("retrieval", "similarity")
PICTURES = ("retrieval", "similarity-svcca", "similarity-pwcca", "similarity-cka", "similarity-debiased_cka")


def reported(root, *more):
    plain = composed("step=report", "task=pos", f"runs_dir={root}", "compare.topology=false", *more)
    report.run(settings_of(plain | {"every_task": not any(each.startswith("task=") for each in more)}))
    (place,) = (root / "report").rglob("report.html")
    return place


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Looks at parallel sentences, and no run beside them."""
    return small_look(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def page(root):
    return reported(root).read_text(encoding="utf-8")


def content_of(page):
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.DOTALL)
    return json.loads(data)


def table(root, name):
    with (root / "report" / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def entry(page, name, **named):
    (found,) = [each for each in content_of(page)[name] if all(each[key] == value for key, value in named.items())]
    return found


def line(found, name):
    (only,) = [each for each in found["lines"] if each["name"] == name]
    return only


def test_both_sections_have_their_figure_their_table_and_their_files_where_there_are_no_runs(root, page):
    folder = root / "report"
    assert re.findall(r'data-figure="(\w+)"', page) == list(SECTIONS)
    for name in PICTURES:
        assert (folder / "figures" / f"tiny-ner-{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / "figures" / f"tiny-ner-{name}.svg").is_file()
    assert {place.stem for place in (folder / "tables").iterdir()} == set(SECTIONS)
    for name in SECTIONS:
        assert (folder / "tables" / f"{name}.tex").read_text(encoding="utf-8").startswith(r"\begin{tabular}")
    assert "Subnetworks of tiny" in page
    assert "13 retrievals; 12 similarities: ner in de, fr." in page
    assert "Every run" not in page


def test_a_line_is_the_mean_over_seeds_with_its_interval(page):
    found = entry(page, "retrieval", pair="fr – en", mask="en", sparsity=0.5, top=5)
    masked = line(found, "masked")
    assert (masked["layers"], masked["mean"]) == ([0, 1, 2], [81, 82, 83])
    ends = zip(masked["low"], masked["mean"], masked["high"], strict=True)
    assert all(80 <= low < mean < high <= 84 for low, mean, high in ends)
    assert (found["chance"], line(found, "dense")["low"]) == (12.5, [88, 89, 90])
    assert [each["name"] for each in found["lines"]] == ["dense", "masked", "oneshot", "random"]
    assert "Best: dense 92.00 in layer 2; masked 83.00 in layer 2" in found["caption"]


def test_languages_masks_sparsities_and_tops_are_entries_of_their_own(page):
    found = content_of(page)["retrieval"]
    places = {(each["pair"], each["mask"], each["sparsity"], each["top"]) for each in found}
    assert len(places) == len(found) == (2 * 2 + 1) * 2
    assert {each["mask"] for each in found} == {"en", "xnli of de"}


def test_hovering_tells_both_directions_and_the_distance_from_dense(page):
    found = entry(page, "retrieval", pair="fr – en", mask="en", sparsity=0.8, top=1)
    assert line(found, "masked")["hover"][0] == [
        "masked, layer 0", "found 45.00 [43.00, 47.00], chance 2.50", "fr → en 44.00, en → fr 46.00",
        "more than dense by -40.00 [-42.00, -38.00]",
    ]  # fmt: skip


def test_similarities_stand_beside_sentences_paired_at_random(page):
    found = entry(page, "similarity", pair="de – en", mask="en", measure="svcca")
    masked = line(found, "masked")
    assert masked["mean"] == [None, pytest.approx(0.78), pytest.approx(0.77)]
    assert masked["chance"] == [None, 0.4, 0.4]
    assert masked["corrected"][1] == pytest.approx((0.78 - 0.4) / 0.6, abs=1e-5)
    assert masked["hover"][0] == ["masked, layer 0", "all vectors are the same"]
    assert masked["hover"][1][2:] == ["paired at random 0.400 ± 0.010", "above chance 0.633 (1 = equal)"]


def test_the_tables_hold_what_the_figures_show(root, page):
    rows = table(root, "retrieval")
    assert len(rows) == 5 * 4 * 3 * 2
    for row in rows:
        mask = row["mask"] if row["mask_task"] == row["task"] else f"{row['mask_task']} of {row['mask']}"
        place = {"pair": f"{row['lang']} – {row['pivot']}", "mask": mask, "sparsity": float(row["sparsity"])}
        found = line(entry(page, "retrieval", **place, top=int(row["top"])), row["subnetwork"])
        assert found["mean"][int(row["layer"])] == pytest.approx(float(row["accuracy"]), abs=1e-5)
    assert {row["seeds"] for row in rows if row["sparsity"] == "0.5"} == {"0+1+2"}
    similar = table(root, "similarity")
    assert len(similar) == 4 * 4 * 3 * 4
    assert {row["value"] for row in similar if row["layer"] == "0"} == {""}


def test_one_language_can_be_reported_on_alone(root):
    place = root / "report" / "ner-de" / "report.html"
    plain = composed("step=report", "task=ner", "lang=de", f"runs_dir={root}")
    report.run(settings_of(plain))
    assert {each["pair"] for each in content_of(place.read_text(encoding="utf-8"))["retrieval"]} == {"de – en"}


def test_runs_without_such_results_have_no_word_of_them(tmp_path):
    written(tmp_path, "de", 0)
    page = reported(tmp_path).read_text(encoding="utf-8")
    assert not [name for name in SECTIONS if f'data-figure="{name}"' in page]
    assert "Parallel sentences" not in page
    assert not (tmp_path / "report" / "tables" / "retrieval.csv").exists()


def test_transfers_alone_can_be_reported_on(tmp_path):
    transferred(tmp_path, "en", "de", 0, score=80.0, own=81.0, task="ner", metric="span_f1")
    page = reported(tmp_path).read_text(encoding="utf-8")
    assert re.findall(r'data-figure="(\w+)"', page) == ["transfers", "sources", "beside"]
    assert "1 cells of transfers: ner in de." in page


def test_nothing_at_all_is_said_to_be_nothing(tmp_path):
    with pytest.raises(InputError, match=r"found no finished run lang=all; step=find makes them"):
        reported(tmp_path)


def test_what_was_left_out_is_said(tmp_path):
    for neighbours in (5, 5, 9):
        settings = {"parallel": {"neighbours": neighbours}}
        seed = len([*tmp_path.rglob("results.json")])
        looked_at(tmp_path, "retrieve", "fr", seed, rows=retrieval_rows(accuracy(seed)), settings=settings)
    assert "3 results of en on fr-en (pos), which differ in parallel.neighbours" in reported(tmp_path).read_text()


EVIL = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


def test_no_name_of_a_mask_can_become_an_element(tmp_path):
    mask = r'core(en, "a&b$\frac$") & (fr | sw | zh | a | b | c)'
    looked_at(tmp_path, "retrieve", "fr", 0, rows=retrieval_rows(accuracy()), mask=mask, mask_task="a&b")
    page = reported(tmp_path).read_text(encoding="utf-8")
    assert r"a&amp;b of core(en, &#34;a&amp;b$\frac$&#34;) &amp; (fr" in page
    assert {each["mask"] for each in content_of(page)["retrieval"]} == {f"a&b of {mask}"}
    assert page.count("<script") == 3
    looked_at(tmp_path, "retrieve", "fr", 0, rows=retrieval_rows(accuracy()), mask=EVIL)
    with pytest.raises(InputError, match=r"results\.json: mask: "):
        reported(tmp_path)
