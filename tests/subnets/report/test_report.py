"""step=report: what it writes, and what cannot get into it."""

import csv
import json
import re
import shutil
import subprocess
import sys

import pytest
from composed import composed
from finished import written

from subnets.errors import InputError
from subnets.settings import settings_of
from subnets.steps import report

LANGS = ("de", "fr", "sw", "zh")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for task in ("ner", "pos"):
        for lang in LANGS:
            for seed in (0, 1):
                written(root, lang, seed, task=task, scores=(90 + seed, 90, 70))
    return root


def reported(root, *more):
    plain = composed("step=report", "task=pos", f"runs_dir={root}", *more)
    return report.run(settings_of(plain | {"every_task": not any(each.startswith("task=") for each in more)}))


@pytest.fixture(scope="module")
def page(runs):
    assert reported(runs) == 16
    return (runs / "report" / "report.html").read_text(encoding="utf-8")


def content_of(page):
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.DOTALL)
    return json.loads(data)


def table(root, name):
    with (root / "report" / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_task_and_language_stands_in_the_page_and_in_the_tables(runs, page):
    found = {(each["task"], each["lang"]) for each in content_of(page)["trajectories"]}
    assert found == {(task, lang) for task in ("ner", "pos") for lang in LANGS}
    assert {(row["task"], row["lang"]) for row in table(runs, "outcomes")} == found


def test_the_page_asks_for_nothing_from_elsewhere(page):
    body = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"(?:src|href)=[\"'](?!#)", body)
    assert "default-src 'none'" in body


def test_overlaps_are_in_the_page_as_in_the_table(runs, page):
    (shown,) = [each for each in content_of(page)["overlaps"] if each["task"] == "pos"]
    rows = shown["rows"]
    at = [
        place
        for place in range(len(rows["mean"]))
        if (rows["part"][place], rows["measure"][place], rows["seeds"][place]) == ("whole", "jaccard", "other")
    ]
    found = {
        (round(rows["sparsity"][place], 3), rows["left"][place], rows["right"][place]): rows["mean"][place]
        for place in at
    }
    written_rows = [
        row
        for row in table(runs, "overlap")
        if (row["task"], row["measure"], row["seeds"]) == ("pos", "jaccard", "other")
    ]
    assert len(written_rows) == 2 * 10  # sparsities; pairs of languages, one beside itself among them
    for row in written_rows:
        key = (round(float(row["sparsity"]), 3), row["left"], row["right"])
        assert found[key] == pytest.approx(float(row["mean"]), abs=1e-5)


def test_the_sizes_of_a_ladder_add_up_to_all_weights(page):
    for row in content_of(page)["ladders"]:
        weights = 128 if row["part"] == "whole" else 64
        assert sum(row["sizes"]) == pytest.approx(weights)
        assert sum(row["expected"]) == pytest.approx(weights)


def test_figures_and_tables_lie_beside_the_page_in_all_their_forms(runs, page):
    folder = runs / "report"
    pictures = sorted(path.stem for path in (folder / "figures").glob("*.png"))
    assert pictures == sorted(path.stem for path in (folder / "figures").glob("*.svg"))
    drawn = {"trajectories", "overlap", "layers", "tree", "graph", "ladder"}
    assert {name.rsplit("-", 1)[1] for name in pictures if "-pos-" in name} == drawn
    assert {name.rsplit("-", 1)[1] for name in pictures if "-ner-" in name} == drawn | {"beside"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (folder / "figures").glob("*.png"))
    tables = {path.name for path in (folder / "tables").iterdir()}
    names = ("outcomes", "overview", "overlap", "ladder", "topology", "relatedness", "beside_paper", "agreement")
    assert tables == {f"{name}.{kind}" for name in names for kind in ("csv", "tex")}


def test_the_same_runs_give_the_same_bytes(runs, page):
    before = {path: path.read_bytes() for path in (runs / "report").rglob("*.*") if path.is_file()}
    reported(runs)
    assert {path: path.read_bytes() for path in before} == before


def test_one_task_and_language_can_be_reported_on_alone(runs, page):
    assert reported(runs, "task=ner", "lang=de+sw") == 4
    content = content_of((runs / "report" / "ner-de+sw" / "report.html").read_text(encoding="utf-8"))
    assert {each["lang"] for each in content["trajectories"]} == {"de", "sw"}


def test_a_lone_run_is_reported_without_comparison_and_with_its_warning(tmp_path, capsys):
    written(tmp_path, "de", 0)
    assert reported(tmp_path) == 1
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert content_of(page)["overlaps"] == []
    assert "One seed only: pos de" in page
    assert "not compared" in capsys.readouterr().out


def test_runs_of_other_settings_are_warned_about(tmp_path):
    written(tmp_path, "de", 0, steps=5)
    written(tmp_path, "de", 1, steps=9)
    reported(tmp_path)
    assert "Runs differ in finetune.steps: 5, 9." in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_of_two_runs_of_a_seed_that_is_shown_whose_settings_most_runs_have(tmp_path):
    for lang in ("de", "fr"):
        written(tmp_path, lang, 0, steps=5)
    other = written(tmp_path / "elsewhere", "de", 0, steps=9, scores=(50, 50, 50))
    shutil.copytree(other, tmp_path / "tiny" / "pos" / "de" / "seed0-11111111")
    assert reported(tmp_path) == 2
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "2 runs of pos de seed 0, which differ in finetune.steps: shown is pos/de/seed0-00000000" in page
    assert [row["dense"] for row in table(tmp_path, "outcomes")] == ["90.0", "90.0"]


def test_a_base_that_is_gone_leaves_the_rest_of_the_report(tmp_path):
    gone = {"model": {"name": "/gone", "revision": None, "label": None}}
    gone |= {"task": composed("task=pos")["task"], "pruning": {"also": [], "scope": "global"}}
    for seed in (0, 1):
        written(tmp_path, "de", seed, more=gone)
    assert reported(tmp_path) == 2
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "no floor, no heads and no departures from the one-shot mask: model.name=/gone" in page


def test_a_level_of_one_seed_beside_levels_of_two(tmp_path):
    for lang in ("de", "fr"):
        written(tmp_path, lang, 0, shares=(0.7, 0.5, 0.1), scores=(90, 90, 90, 90))
        written(tmp_path, lang, 1, shares=(0.7, 0.5))
    reported(tmp_path)
    content = content_of((tmp_path / "report" / "report.html").read_text(encoding="utf-8"))
    assert content["overlaps"][0]["relations"] == {"0.3": "other", "0.5": "other", "0.9": "same"}


def test_nothing_in_a_run_folder_can_become_an_element_or_a_script(tmp_path):
    evil = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
    for seed in (0, 1):
        written(tmp_path, "de", seed, more={"pruning": {"scope": evil}, "note": evil})
    reported(tmp_path)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert page.count("<script") == 3
    assert "&lt;/script&gt;" in page


def test_no_finished_run_is_a_message(tmp_path):
    with pytest.raises(InputError, match=r"found no finished run lang=all; step=find makes them"):
        reported(tmp_path)


@pytest.mark.parametrize(("asked", "missing"), [("de+fr+sw+ur", "sw, ur"), ("sw", None)])
def test_a_language_of_which_nothing_is_finished_is_named(tmp_path, asked, missing):
    for lang in ("de", "fr"):
        written(tmp_path, lang, 0)
    expected = f"nothing of {missing} is finished" if missing else "found no finished run lang=sw"
    with pytest.raises(InputError, match=expected):
        reported(tmp_path, f"lang={asked}")


def test_the_command_needs_no_task_and_no_language(tmp_path):
    for seed in (0, 1):
        written(tmp_path, "de", seed)
    command = [sys.executable, "-m", "subnets.run", "step=report", f"runs_dir={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"page: {tmp_path}/report/report.html" in done.stdout


def test_languages_that_lack_a_pair_of_runs_stand_behind_those_that_were_clustered(tmp_path):
    """Fr and sw have one seed each, and the same: nothing says how far they are apart with other seeds."""
    for lang, seeds in {"de": (0, 1), "zh": (0, 1), "fr": (0,), "sw": (0,)}.items():
        for seed in seeds:
            written(tmp_path, lang, seed, task="pos", scores=(90 + seed, 90, 70))
    reported(tmp_path)
    content = content_of((tmp_path / "report" / "report.html").read_text(encoding="utf-8"))
    (overlaps,) = content["overlaps"]
    pairs = {(left, right) for left, right, seeds in zip(*(overlaps["rows"][key] for key in ("left", "right", "seeds")),
                                                         strict=True) if seeds == "other"}  # fmt: skip
    assert ("fr", "sw") not in pairs and {("de", "fr"), ("de", "sw")} <= pairs
    for order in overlaps["order"].values():
        assert sorted(order) == ["de", "fr", "sw", "zh"]
        assert order[-1] in ("fr", "sw")
