"""Retrievals and similarities over seeds: what is averaged, over what an interval is, and what is left out."""

import pytest
from finished import looked_at, retrieval_rows, similarity_rows
from looked import accuracy, small_look

from subnets.parallel_means import best_layers, one_way_of_each, retrieved, similar
from subnets.parallel_results import finished_retrievals, finished_similarities

RESAMPLING = {"confidence": 0.95, "resamples": 200}


def over_seeds(root):
    chosen, left_out = one_way_of_each(finished_retrievals(root))
    return retrieved(chosen, **RESAMPLING), left_out


def of(rows, **named):
    return [row for row in rows if all(getattr(row, name) == value for name, value in named.items())]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    rows, left_out = over_seeds(small_look(tmp_path_factory.mktemp("runs")))
    assert left_out == []
    return rows


def test_every_subject_has_every_layer_of_every_subnetwork_once(found):
    subjects = {row.subject for row in found}
    assert {(each.lang, each.mask, each.mask_task, each.sparsity) for each in subjects} == {
        *((lang, *mask, 0.5) for lang in ("de", "fr") for mask in (("en", "ner"), ("de", "xnli"))),
        ("fr", "en", "ner", 0.8),
    }
    assert len(found) == len(subjects) * 4 * 3 * 2


def test_seeds_are_averaged_and_the_interval_of_a_mask_is_over_them(found):
    (row,) = [row for row in of(found, layer=2, subnetwork="masked", top=5)
              if (row.subject.lang, row.subject.mask, row.subject.sparsity) == ("fr", "en", 0.5)]  # fmt: skip
    assert row.seeds == ((0,), (1,), (2,))
    assert (row.accuracy.mean, row.accuracy.count) == (pytest.approx(83), 3)
    assert 82 <= row.accuracy.low < 83 < row.accuracy.high <= 84
    assert (row.from_lang, row.from_pivot) == (pytest.approx(82), pytest.approx(84))
    assert row.beyond_dense.mean == pytest.approx(-9)


@pytest.mark.parametrize("name", ["dense", "oneshot"])
def test_what_no_seed_changes_keeps_its_interval_over_sentences(found, name):
    for row in of(found, subnetwork=name):
        assert row.accuracy.count == 1
        assert row.accuracy.high - row.accuracy.low == pytest.approx(4)


def test_one_seed_has_its_interval_over_sentences(found):
    (row,) = [row for row in of(found, layer=0, subnetwork="masked", top=1) if row.subject.sparsity == 0.8]
    assert (row.accuracy.mean, row.accuracy.low, row.accuracy.high, row.seeds) == (45, 43, 47, ((0,),))


def test_a_mask_looked_at_with_several_seeds_counts_once(tmp_path):
    for seed in (0, 1):
        looked_at(
            tmp_path, "retrieve", "fr", seed, rows=retrieval_rows(accuracy(0 if seed == 0 else 4)), mask_seeds=[0]
        )
    rows, _ = over_seeds(tmp_path)
    counts = {row.subnetwork: row.accuracy.count for row in rows}
    assert counts == {"dense": 1, "masked": 1, "oneshot": 1, "random": 2}


def test_the_best_layer_is_the_lowest_of_equals(found):
    assert {row.layer for row in best_layers(found).values()} == {2}
    flat = [row for row in found if row.layer > 0 and row.subnetwork == "dense" and row.top == 5]
    same = [type(row)(**{**vars(row), "accuracy": flat[0].accuracy}) for row in flat]
    assert best_layers(reversed(same))["dense"].layer == 1


def test_results_on_other_sentences_are_not_averaged_with_these(tmp_path):
    for seed in (0, 1):
        looked_at(tmp_path, "retrieve", "fr", seed, rows=retrieval_rows(accuracy(seed)))
    looked_at(tmp_path, "retrieve", "fr", 2, rows=retrieval_rows(accuracy(9)), fingerprint="0" * 64)
    rows, (said,) = over_seeds(tmp_path)
    assert {row.seeds for row in rows} == {((0,), (1,))}
    assert said.startswith(
        "3 results of en on fr-en (pos), which differ in their sentences: shown is pos/retrieve/fr-en/"
    )


def test_results_by_other_settings_are_left_out_and_the_settings_named(tmp_path):
    for seed, neighbours in ((0, 5), (1, 5), (0, 9)):
        settings = {"parallel": {"neighbours": neighbours}}
        looked_at(tmp_path, "retrieve", "fr", seed, rows=retrieval_rows(accuracy(seed)), settings=settings)
    rows, (said,) = over_seeds(tmp_path)
    assert {row.seeds for row in rows} == {((0,), (1,))}
    assert "which differ in parallel.neighbours" in said


def test_similarities_are_averaged_beside_their_chance_and_undefined_ones_stay_so(tmp_path):
    for seed in (0, 1):
        rows = similarity_rows(lambda name, layer, measure, seed=seed: 0.8 + 0.1 * seed * (name == "masked"))
        looked_at(tmp_path, "correlate", "fr", seed, rows=rows)
    found = similar(finished_similarities(tmp_path), **RESAMPLING)
    assert {row.value for row in of(found, layer=0)} == {None}
    (masked,) = of(found, layer=1, subnetwork="masked", measure="cka")
    assert (masked.value.mean, masked.value.low, masked.value.high) == tuple(map(pytest.approx, (0.85, 0.8, 0.9)))
    assert (masked.chance, masked.corrected) == (pytest.approx(0.4), pytest.approx(0.75))
    (dense,) = of(found, layer=1, subnetwork="dense", measure="cka")
    assert (dense.value.mean, dense.value.low) == (pytest.approx(0.8), None)
