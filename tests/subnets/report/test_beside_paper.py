"""Our numbers beside the paper's: held against themselves, and cases small enough to check by hand."""

import pytest
from finished import written
from papers_cells import cells_of_paper, spread

from subnets.catalogue import finished_runs
from subnets.paper.published import multilingual, transfers
from subnets.report.beside_paper import Beside, agreements, beside_paper, worlds_apart
from subnets.report.other_masks import by_score
from subnets.report.trajectories import trajectories

RESAMPLING = {"confidence": 0.95, "resamples": 200}


@pytest.mark.parametrize("task", ["mlm", "ner", "xnli"])
def test_the_papers_own_matrices_agree_with_themselves_in_every_cell(task):
    (matrix,) = [each for each in transfers() if each.task == task]
    rows = [row for row in beside_paper([], list(cells_of_paper(matrix))) if row.table == "Tables 3 to 5"]
    assert len(rows) == len(matrix.sources) * (len(matrix.targets) - 1)
    for row in rows:
        assert (row.ours.mean, row.difference) == (row.paper, row.paper_difference)
    (found,) = agreements(rows)
    assert (found.cells, found.same_sign, found.rank_correlation) == (len(rows), len(rows), pytest.approx(1))
    assert found.mean == found.paper_mean


@pytest.mark.parametrize("task", ["mlm", "ner", "xnli"])
def test_the_diagonal_and_dense_of_the_papers_matrices_stand_beside_ours_once_a_target(task):
    (matrix,) = [each for each in transfers() if each.task == task]
    with_dense = [
        type(each)(
            **{**vars(each), "baselines": {**each.baselines, "dense": spread(matrix.beside["dense"][each.lang])}}
        )
        for each in cells_of_paper(matrix)
    ]
    rows = [row for row in beside_paper([], with_dense) if row.table == "Tables 3 to 5, controls"]
    assert sorted((row.lang, row.mask) for row in rows) == sorted(
        (lang, mask) for lang in matrix.targets for mask in matrix.beside
    )
    for row in rows:
        if row.mask != "random":
            assert (row.ours.mean, row.difference) == (row.paper, row.paper_difference)
        assert (row.difference is None) == (row.mask == "own")


def test_the_own_and_dense_masks_of_table_1_stand_beside_ours():
    matrix = multilingual()
    cells = [
        type(each)(**{**vars(each), "baselines": {**each.baselines, "dense": spread(90.0)}})
        for each in cells_of_paper(matrix)
        if "+" in each.source
    ]
    rows = {row.mask: row for row in beside_paper([], cells) if row.table == "Table 1, controls" and row.lang == "ar"}
    assert sorted(rows) == ["dense", "own"]
    assert (rows["own"].paper, rows["own"].difference) == (88.50, None)
    assert (rows["dense"].paper, rows["dense"].difference) == (88.69, 90 - 88.50)
    assert rows["dense"].paper_difference == pytest.approx(0.19)


def test_a_mix_is_known_whatever_the_order_of_its_languages():
    cells = [each for each in cells_of_paper(multilingual()) if "+" in each.source]
    turned = [type(each)(**{**vars(each), "source": "zh+fr+fa+en"}) for each in cells]
    for found in (beside_paper([], cells), beside_paper([], turned)):
        rows = [row for row in found if row.mask not in ("own", "random")]
        assert [(row.table, row.difference) for row in rows] == [("Table 1", row.paper_difference) for row in rows]
        assert len(rows) == 5


@pytest.mark.parametrize("changed", [{"mode": "frozen"}, {"sparsity": 0.8}, {"task": "pos", "source_task": "pos"}])
def test_cells_of_another_study_are_not_the_papers(changed):
    (matrix,) = [each for each in transfers() if each.task == "ner"]
    cells = [type(each)(**{**vars(each), **changed}) for each in cells_of_paper(matrix)]
    assert beside_paper([], cells) == []


def beside(ours, papers):
    return [
        Beside("m", "Table 2", "ner", str(at), "ticket", "dense", 0.0, None, paper, mine, 0.5, 0.5, 1)
        for at, (mine, paper) in enumerate(zip(ours, papers, strict=True))
    ]


def test_signs_and_orders_by_hand():
    (found,) = agreements(beside([-1, -2, 3, None], [-4, 1, 2, 5]))
    assert (found.cells, found.same_sign, found.mean, found.paper_mean) == (3, 2, 0, -1 / 3)
    assert found.rank_correlation == pytest.approx(0.5)  # ranks 2 1 3 and 1 2 3


@pytest.mark.parametrize(("ours", "papers"), [([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3])])
def test_too_few_cells_or_equal_ones_have_no_order(ours, papers):
    assert agreements(beside(ours, papers))[0].rank_correlation is None


def test_table_2_of_a_language_without_a_ticket_says_so(tmp_path):
    for seed in (0, 1):
        written(tmp_path, "de", seed, task="ner", metric="span_f1", scores=(90 + seed, 20, 20))
    rows = beside_paper(trajectories(finished_runs(str(tmp_path)), **RESAMPLING), [])
    assert [(row.mask, row.paper, row.ours and row.ours.mean, row.sparsity) for row in rows] == [
        ("dense", 89.11, 90.5, 0.0), ("ticket", 88.81, None, None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("base", "data", "said"),
    [
        ("bert-base-multilingual-cased", "hub", "Both are of mBERT and hub data"),
        ("mini", "fragment", "Ours: mini on fragment data; the paper's: mBERT on hub data. These are numbers"),
    ],
)  # fmt: skip
def test_whose_world_the_numbers_are_of_is_said(tmp_path, base, data, said):
    written(tmp_path, "de", 0, more={"model": {"name": base}, "data": {"source": data}})
    assert worlds_apart(finished_runs(str(tmp_path))).startswith(said)


def test_masks_are_compared_by_score_among_runs_that_differ_in_nothing_else(tmp_path):
    for at, (score, steps) in enumerate([("magnitude", 5), ("fisher", 5), ("magnitude", 9)]):
        written(
            tmp_path, "de", 0, steps=steps, shares=(0.5,), scores=(90, 80 + at), hashed=f"0000000{at}",
            more={"finetune": {"steps": steps}, "pruning": {"score": score, "score_examples": at}},
        )  # fmt: skip
    found = by_score(finished_runs(str(tmp_path)), **RESAMPLING)
    assert [(each.chosen_by, each.score.mean, each.difference.mean) for each in found] == [
        ("fisher", 81, -9), ("magnitude", 80, -10)
    ]  # fmt: skip


def test_lower_is_better_for_masks_of_a_language_model(tmp_path):
    for at, score in enumerate(("magnitude", "fisher")):
        written(
            tmp_path, "de", 0, task="mlm", metric="perplexity", shares=(0.5,), scores=(4, 5 - 2 * at),
            hashed=f"0000000{at}", more={"pruning": {"score": score}},
        )  # fmt: skip
    assert [each.difference.mean for each in by_score(finished_runs(str(tmp_path)), **RESAMPLING)] == [1, -1]


def test_one_score_alone_is_compared_with_nothing(tmp_path):
    written(tmp_path, "de", 0)
    assert by_score(finished_runs(str(tmp_path)), **RESAMPLING) == []
