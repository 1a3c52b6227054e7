"""The paper's tables: counted, held against each other, and against what its text says of them."""

import statistics

import pytest

from subnets.paper.published import cross_task, multilingual, transfers, winning_tickets

LANGUAGES = {"mlm": 11, "ner": 9, "xnli": 10, "mt5_xnli": 10}


def test_every_task_has_the_languages_of_section_4():
    tickets = winning_tickets()
    for task in ("mlm", "ner", "xnli"):
        assert len({row.lang for row in tickets if row.task == task}) == LANGUAGES[task]
    assert len(tickets) == 11 + 9 + 10


def test_most_tickets_are_at_half_sparsity_and_none_is_of_a_better_random_mask():
    at_half = [row for row in winning_tickets() if row.sparsity == 0.5]
    assert len(at_half) == 30 - 5  # es and ru of xnli, fa and ur of ner at 60 %, ur of xnli at 30 %
    for row in winning_tickets():
        assert (row.random > row.ticket) == (row.task == "mlm")


@pytest.mark.parametrize("matrix", transfers(), ids=lambda matrix: matrix.task)
def test_every_mask_was_trained_on_every_language(matrix):
    assert len(matrix.sources) == len(matrix.targets) == LANGUAGES[matrix.task]
    assert matrix.scores.keys() == {(source, target) for source in matrix.sources for target in matrix.targets}
    assert matrix.beside["own"] == {lang: matrix.scores[lang, lang] for lang in matrix.targets}


def test_the_diagonals_are_the_tickets_of_table_2_where_these_are_at_half_sparsity():
    tables = {matrix.task: matrix for matrix in transfers()}
    for row in winning_tickets():
        assert tables[row.task].beside["dense"][row.lang] == row.dense
        if row.sparsity == 0.5:
            assert tables[row.task].beside["own"][row.lang] == row.ticket


def test_the_mask_of_four_languages_is_best_of_the_foreign_ones_on_three_of_five():
    table = multilingual()
    assert table.sources == ("en", "fa", "fr", "zh", "en+fa+fr+zh")
    best = [max(table.sources, key=lambda source: table.scores[source, target]) for target in table.targets]
    assert best.count("en+fa+fr+zh") == 3
    assert table.beside["own"]["ur"] == 96.44


def test_masks_of_other_tasks_cost_two_points_and_random_ones_more():
    rows = cross_task()
    assert len(rows) == 3 * (8 + 7 + 7)
    of_xnli = [row.difference for row in rows if (row.task, row.source_task) == ("ner", "xnli")]
    assert statistics.fmean(of_xnli) == pytest.approx(-2.04, abs=0.005)
    for row in rows:
        worse = min(each.difference for each in rows if (each.task, each.lang) == (row.task, row.lang))
        if row.source_task is None:
            assert row.difference == worse
