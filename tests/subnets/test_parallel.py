"""step=retrieve and step=correlate: from finished runs and parallel files to tables, and back as data."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from composed import settings
from tiny import PIECES
from transformers import AutoModel, AutoTokenizer

from finetune.parallel import parallel_sentences
from pruning.controls import random_mask
from pruning.mask import Mask
from pruning.scope import prunable
from subnets import parallel_spaces
from subnets import run as command
from subnets.cells import cell_of, cells_in
from subnets.errors import INPUT_ERRORS, InputError
from subnets.parallel_results import SUBNETWORKS, best_layer, finished_retrievals, finished_similarities
from subnets.parallel_rows import Seen, ranks, retrieval_rows
from subnets.representations import bare_encoder, read_by, represent
from subnets.retrieval import retrieve as ranks_of
from subnets.similarity import space_of, svcca
from subnets.steps import correlate, find, report, retrieve
from subnets.workspace import parallel_folder

REAL = os.environ.get("SUBNETS_REAL")
SENTENCES = 24
SMALL = [
    "task=pos", "data=files", "model=checkpoint", "finetune.steps=3", "finetune.batch_size=8",
    "finetune.learning_rate=1e-3", "finetune.max_length=32", "pruning.rounds=2", "pruning.rate=0.3",
    "ticket.rule=bootstrap", "ticket.confidence=0.999999", "device=cpu", "threads=1", "controls=[]",
]  # fmt: skip


@pytest.fixture(scope="module")
def overrides(tiny_bert, tiny_files, tmp_path_factory):
    """Finished runs of de and sw, and sentences of en with what is said of them: the same, or backwards."""
    root = tmp_path_factory.mktemp("parallel")
    given = [*SMALL, f"model.name={tiny_bert}", f"runs_dir={root}/runs"]
    for lang in ("de", "sw"):
        find.run(settings(*given, f"data.root={tiny_files}", f"lang={lang}"))
    draw = np.random.default_rng(0)
    words = [word for word in PIECES if len(word) > 2]
    english = [" ".join(draw.choice(words, size=draw.integers(3, 8))) for _ in range(SENTENCES)]
    (root / "parallel").mkdir()
    for lang, said in {
        "en": english,
        "de": english,
        "sw": [" ".join(reversed(line.split())) for line in english],
    }.items():
        (root / "parallel" / f"{lang}.txt").write_text("\n".join(said) + "\n", encoding="utf-8")
    return [*given, f"data.root={root}"]


@pytest.fixture
def fresh(overrides, tmp_path):
    """The same in a folder of runs of its own."""
    source = Path(next(each for each in overrides if each.startswith("runs_dir=")).removeprefix("runs_dir="))
    (tmp_path / "runs").mkdir()
    for model in source.iterdir():
        for task in model.iterdir():
            for lang in ("de", "sw"):
                place = tmp_path / "runs" / model.name / task.name / lang
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(task / lang)
    return [*overrides, f"runs_dir={tmp_path}/runs"]


def given(overrides, *more):
    return settings(*overrides, *more)


def of(rows, **named):
    return [row for row in rows if all(getattr(row, name) == value for name, value in named.items())]


def test_every_layer_of_every_subnetwork_is_tried_and_the_numbers_are_the_models(fresh, tiny_bert, capsys):
    asked = given(fresh, "step=retrieve", "lang=sw", "source.mask=de", "source.sparsity=0.3", "parallel.top=3")
    value = retrieve.run(asked)
    (found,) = finished_retrievals(asked.runs_dir)
    rows = found.results.rows
    assert len(rows) == 4 * 3 * 2
    assert {row.sparsity for row in of(rows, subnetwork="dense")} == {0.0}
    for name in ("masked", "oneshot", "random"):
        assert {row.sparsity for row in of(rows, subnetwork=name)} == {found.results.sparsity}
    assert found.results.sparsity == pytest.approx(0.3, abs=1e-3)
    assert {row.chance for row in of(rows, top=3)} == {100 * 3 / SENTENCES}
    assert len({(row.accuracy, row.beyond_dense) for row in of(rows, layer=0, top=3)}) == 1  # embeddings are kept

    # The dense base again, sentence by sentence, by transformers alone.
    tokenizer, model = AutoTokenizer.from_pretrained(tiny_bert), AutoModel.from_pretrained(tiny_bert).eval()
    lines = {
        lang: (Path(asked.data.root) / "parallel" / f"{lang}.txt").read_text().splitlines() for lang in ("sw", "en")
    }
    vectors = {}
    for lang, texts in lines.items():
        with torch.inference_mode():
            hidden = [model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[2]
                      for text in texts]  # fmt: skip
        vectors[lang] = np.array([states[0, 1:-1].mean(dim=0).numpy() for states in hidden])
    expected = ranks_of(vectors["sw"], vectors["en"], neighbours=5).accuracies(3)
    (row,) = of(rows, layer=2, top=3, subnetwork="dense")
    assert (row.from_lang, row.from_pivot) == pytest.approx(expected)
    assert row.accuracy == pytest.approx(np.mean(expected))
    assert row.low <= row.accuracy <= row.high
    assert value == max(row.accuracy for row in of(rows, top=3, subnetwork="masked"))
    assert value == best_layer(rows, "masked", 3).accuracy
    said = capsys.readouterr().out
    assert f"translations among the best 3 of {SENTENCES}" in said
    assert "layer    dense    masked    oneshot    random" in said


def test_the_table_on_disk_is_what_the_reader_gives(fresh):
    asked = given(fresh, "step=retrieve", "lang=sw", "source.mask=de@0.6")
    retrieve.run(asked)
    (found,) = finished_retrievals(asked.runs_dir, model=asked.model_label, task="pos")
    with (found.folder.path / "retrieval.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["accuracy"]) for row in table] == [row.accuracy for row in found.results.rows]
    assert found.folder.path.parts[-4:-1] == ("pos", "retrieve", "sw-en")
    assert found.folder.path.name.startswith("de-0.6-")
    assert found.folder.path == parallel_folder(asked, "retrieve").path
    results = found.results
    assert (results.mask, results.mask_lang, results.mask_task, results.mask_seeds) == ("de@0.6", "de", "pos", (0,))
    assert results.masks[0].origin.endswith("round 2")
    assert finished_retrievals(asked.runs_dir, task="ner") == finished_similarities(asked.runs_dir) == []


def test_differences_from_dense_are_paired_by_sentence(fresh):
    asked = given(fresh, "step=retrieve", "lang=sw", "source.mask=de@0.6")
    retrieve.run(asked)
    (found,) = finished_retrievals(asked.runs_dir)
    dense = {(row.layer, row.top): row.accuracy for row in of(found.results.rows, subnetwork="dense")}
    for row in found.results.rows:
        assert row.beyond_dense == pytest.approx(row.accuracy - dense[row.layer, row.top], abs=1e-9)
        assert row.beyond_dense_low <= row.beyond_dense + 1e-9
        assert row.beyond_dense <= row.beyond_dense_high + 1e-9
    zeros = of(found.results.rows, subnetwork="dense")
    assert {(row.beyond_dense_low, row.beyond_dense_high) for row in zeros} == {(0.0, 0.0)}


def test_the_same_sentences_are_found_fully_and_are_fully_alike(fresh):
    assert retrieve.run(given(fresh, "lang=de", "parallel.top=1")) == 100.0
    assert correlate.run(given(fresh, "lang=de")) == pytest.approx(1)
    (found,) = finished_similarities(given(fresh, "lang=de").runs_dir)
    varied = [row for row in found.results.rows if row.layer > 0]
    assert len(varied) == 4 * 2 * 4
    assert [row.value for row in varied] == pytest.approx([1.0] * len(varied), abs=1e-6)


def test_similarities_are_of_the_first_token_and_stand_beside_chance(fresh, tiny_bert, capsys):
    asked = given(fresh, "step=correlate", "lang=sw", "source.mask='sw@0.3 & de@0.3'")
    value = correlate.run(asked)
    (found,) = finished_similarities(asked.runs_dir)
    rows = found.results.rows
    assert {(row.value, row.chance, row.corrected) for row in of(rows, layer=0)} == {(None, None, None)}
    tokenizer, model = AutoTokenizer.from_pretrained(tiny_bert), AutoModel.from_pretrained(tiny_bert).eval()
    sides = []
    for lang in ("en", "sw"):
        texts = (Path(asked.data.root) / "parallel" / f"{lang}.txt").read_text().splitlines()
        with torch.inference_mode():
            hidden = [model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0, 0].numpy() for text in texts]
        sides.append(space_of(np.array(hidden)))
    (row,) = of(rows, layer=2, measure="svcca", subnetwork="dense")
    assert row.value == pytest.approx(svcca(*sides), abs=0.02)  # a direction near 99 % may come or go by rounding
    (row,) = of(rows, layer=2, measure="cka", subnetwork="masked")
    assert row.corrected == pytest.approx((row.value - row.chance) / (1 - row.chance))
    assert row.chance_sd >= 0
    masked = [row.value for row in of(rows, measure="svcca", subnetwork="masked") if row.value is not None]
    assert value == pytest.approx(np.mean(masked))
    assert "PWCCA, weighted by the pivot's side" in capsys.readouterr().out


def test_what_is_finished_is_shown_without_the_libraries_that_compute(fresh, capsys, monkeypatch):
    for step in (retrieve, correlate):
        value = step.run(given(fresh, "lang=sw"))
        first = capsys.readouterr().out
        with monkeypatch.context() as patched:
            patched.setattr(step, "imported", lambda name: pytest.fail(f"imports {name}"))
            assert step.run(given(fresh, "lang=sw")) == value
        again = capsys.readouterr().out
        assert "this is done; nothing was computed" in again
        assert first[first.index("\n\n") :] == again[again.index("\n\n") :]


def test_a_cell_of_a_study_is_done_once_its_results_are_there(fresh):
    asked = {step: given(fresh, f"step={step}", "lang=sw", "source.mask=de") for step in ("retrieve", "correlate")}
    assert {cell_of(each).state for each in asked.values()} == {"missing"}
    retrieve.run(asked["retrieve"])
    assert {step: cell_of(each).state for step, each in asked.items()} == {"retrieve": "done", "correlate": "missing"}
    listed = [cell for cell in cells_in(asked["retrieve"].runs_dir) if cell.step == "retrieve"]
    assert [(cell.task, cell.lang, cell.state) for cell in listed] == [("pos", "sw-en", "done")]


def test_two_calls_write_the_same_bytes(fresh):
    asked = given(fresh, "lang=sw")
    retrieve.run(asked)
    (found,) = finished_retrievals(asked.runs_dir)
    table = (found.folder.path / "retrieval.csv").read_bytes()
    (found.folder.path / "results.json").unlink()
    retrieve.run(asked)
    assert (found.folder.path / "retrieval.csv").read_bytes() == table


@pytest.mark.parametrize(("step", "finished"), [(retrieve, finished_retrievals), (correlate, finished_similarities)])
def test_a_second_mask_pays_for_itself_alone_and_its_numbers_are_those_of_a_fresh_folder(
    fresh, tmp_path, monkeypatch, capsys, step, finished
):
    asked = given(fresh, "lang=sw", "source.mask=sw@0.3")
    step.run(given(fresh, "lang=sw", "source.mask=de@0.3"))
    capsys.readouterr()
    looked = []

    def counted(*given, **more):
        looked.append(more)
        return represent(*given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(
            parallel_spaces, "represent", lambda *given, **more: looked.append(1) or represent(*given, **more)
        )
        step.run(asked)
    assert len(looked) == 2  # both sides of the mask
    said = capsys.readouterr().out
    assert [name for name in SUBNETWORKS if re.search(rf"{name}: .* weights, as before", said)] == [
        "dense", "oneshot", "random"
    ]  # fmt: skip
    (again,) = [found for found in finished(asked.runs_dir) if found.results.mask == "sw@0.3"]
    shutil.rmtree(tmp_path / "runs" / asked.model_label / "parallel")
    (again.folder.path / "results.json").unlink()
    step.run(asked)
    (anew,) = [found for found in finished(asked.runs_dir) if found.results.mask == "sw@0.3"]
    assert anew.results.rows == again.results.rows


def test_the_report_shows_what_the_steps_found(fresh, tmp_path):
    asked = given(fresh, "step=report", "lang=sw", "compare.topology=false")
    for step in (retrieve, correlate):
        step.run(given(fresh, "lang=sw", "source.mask=de@0.3"))
    assert report.run(asked) == 1
    (found,) = finished_retrievals(asked.runs_dir)
    (place,) = (tmp_path / "runs" / "report").rglob("retrieval.csv")
    with place.open(encoding="utf-8", newline="") as file:
        shown = {(row["subnetwork"], int(row["layer"]), int(row["top"])): row for row in csv.DictReader(file)}
    assert len(shown) == len(found.results.rows)
    for row in found.results.rows:
        told = shown[row.subnetwork, row.layer, row.top]
        assert (float(told["accuracy"]), float(told["accuracy_low"])) == (pytest.approx(row.accuracy), row.low)
    assert 'data-figure="similarity"' in next(place.parent.parent.glob("report.html")).read_text(encoding="utf-8")


def test_what_was_seen_is_read_with_care(fresh, tmp_path):
    retrieve.run(given(fresh, "lang=sw", "source.mask=de@0.3"))
    for place in tmp_path.glob("runs/*/parallel/sw-en/retrieve-*/*/ranks.safetensors"):
        content = bytearray(place.read_bytes())
        content[-8] ^= 1
        place.write_bytes(content)
    with pytest.raises(InputError, match=r"ranks\.safetensors is not what was written; delete the folder"):
        retrieve.run(given(fresh, "lang=sw", "source.mask=sw@0.3"))


def test_results_of_sentences_that_changed_since_are_refused(fresh, tmp_path):
    root = Path(given(fresh, "lang=sw").data.root)
    mine = tmp_path / "mine"
    shutil.copytree(root / "parallel", mine / "parallel")
    asked = given(fresh, "lang=sw", "source.mask=de", f"data.root={mine}")
    retrieve.run(asked)
    lines = (mine / "parallel" / "sw.txt").read_text(encoding="utf-8").splitlines()
    (mine / "parallel" / "sw.txt").write_text("\n".join([*lines[1:], lines[0]]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="the parallel sentences of sw and en have changed since; delete it"):
        retrieve.run(asked)


def test_results_lie_apart_by_what_can_change_their_numbers_alone(fresh):
    runs_dir = given(fresh, "lang=sw").runs_dir
    for more in ([], ["parallel.variance=0.9"], ["parallel.sentences=20"], ["parallel.top=3"], ["source.mask=de"]):
        retrieve.run(given(fresh, "lang=sw", *more))
    assert len(finished_retrievals(runs_dir)) == 4  # variance is not retrieval's
    assert {found.results.sentences for found in finished_retrievals(runs_dir)} == {SENTENCES, 20}


def test_results_of_what_a_name_meant_before_are_not_shown_as_those_of_now(fresh):
    asked = given(fresh, "lang=sw", "source.mask=de")
    retrieve.run(asked)
    (found,) = finished_retrievals(asked.runs_dir)
    place = found.folder.path / "results.json"
    results = json.loads(place.read_text())
    place.write_text(json.dumps(results | {"mask_digest": "0" * 64}))
    with pytest.raises(InputError, match=r"de meant pos/de/seed0-.*, round \d and now means another mask"):
        retrieve.run(asked)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["lang=en"], "lang=en: is the pivot"),
        (["lang=sw", "parallel.pivot=../x"], "parallel.pivot='../x': may hold only letters"),
        (["lang=sw", "parallel.neighbours=25"], "parallel.neighbours=25: there are 24 parallel sentences; allowed: 1"),
        (["lang=sw", "parallel.top=25"], "parallel.top=25: there are 24"),
        (
            ["lang=sw", "parallel.sentences=3", "parallel.top=1", "parallel.neighbours=1"],
            "found 3; expected at least",
        ),
        (["lang=fr", "source.mask=de"], "has no file fr.txt; it has: de, en, sw"),
        (["lang=fr"], "no finished run of it for task=pos; found: de, sw"),
        (["lang=sw", "source.mask='de &'"], "mask expression, column 5"),
        (["lang=sw", "source.sparsity=0.5"], "no round of sparsity 0.5"),
        (["lang=sw", "finetune.max_length=512"], "the model has 66 positions"),
    ],
)
def test_what_cannot_be_looked_at_is_said_and_leaves_nothing(fresh, more, message):
    with pytest.raises(INPUT_ERRORS, match=message):
        retrieve.run(given(fresh, *more))
    assert not [*Path(given(fresh, "lang=sw").runs_dir).glob("*/pos/retrieve")]


def test_a_base_that_has_changed_is_refused(fresh, tmp_path):
    from tiny import write_bert

    other = write_bert(tmp_path / "bert", hidden_act="relu", num_attention_heads=4)
    model = AutoModel.from_pretrained(other)
    with torch.no_grad():
        next(iter(prunable(model).values())).add_(1.0)
    model.save_pretrained(other)
    label = given(fresh, "lang=sw").model_label
    with pytest.raises(InputError, match="name the model it was found on"):
        retrieve.run(given(fresh, "lang=sw", f"model.name={other}", f"model.label={label}"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda results: results["rows"][0].update(accuracy=101), r"rows.0.accuracy: .* \(got '101'\)"),
        (lambda results: results["rows"][0].update(subnetwork="<b>"), "rows.0.subnetwork"),
        (lambda results: results["rows"][0].update(more=1), "rows.0.more"),
        (lambda results: results.pop("mask"), "mask: Field required"),
        (lambda results: results.update(mask="<script>"), "mask: String should match"),
        (lambda results: results.update(rows=[]), "rows: Tuple should have at least 1 item"),
        (lambda results: results.update(lang="de"), "expected those of its folder"),
        (lambda results: results["rows"][0].update(accuracy="=1+1"), "rows.0.accuracy"),
    ],
)
def test_damaged_results_are_named(fresh, change, message):
    asked = given(fresh, "lang=sw")
    retrieve.run(asked)
    (found,) = finished_retrievals(asked.runs_dir)
    place = found.folder.path / "results.json"
    results = json.loads(place.read_text())
    change(results)
    place.write_text(json.dumps(results))
    with pytest.raises(InputError, match=message):
        finished_retrievals(asked.runs_dir)
    with pytest.raises(InputError, match=r"results\.json"):
        retrieve.run(asked)


def test_the_command_takes_an_expression_in_one_pair_of_quotes(fresh, monkeypatch):
    arguments = ["subnets", *fresh, "step=retrieve", "lang=sw", "source.mask=core(de, sw)", "source.sparsity=0.3"]
    monkeypatch.setattr(sys, "argv", arguments)
    command.main()
    (found,) = finished_retrievals(given(fresh, "lang=sw").runs_dir)
    assert (found.results.mask, found.results.mask_lang) == ("core(de, sw)", "de+sw")
    assert found.results.sparsity > 0.3


@pytest.mark.skipif(REAL is None, reason="SUBNETS_REAL is not set: no real data to read")
def test_a_real_encoder_finds_real_translations_until_too_much_is_cut_at_random(tmp_path_factory):
    brought = subprocess.run(
        ["bash", f"{REAL}/get_checkpoint.sh", str(tmp_path_factory.mktemp("checkpoint"))],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    asked = settings(
        "lang=de", "task=ner", "data=files", f"data.root={REAL}", "model=checkpoint",
        f"model.name={brought.stdout.strip()}", "finetune.max_length=48",
    )  # fmt: skip
    read = parallel_sentences(asked.data, ("de", "en"), hub=asked.parallel.hub, limit=60)
    bare = bare_encoder(asked, device=torch.device("cpu"))
    sides = [read_by(bare, read.sentences[lang], where=lang) for lang in ("de", "en")]
    full = Mask.full({name: tuple(weight.shape) for name, weight in prunable(bare.encoder).items()})
    reference = bare.reference(full, scope="global")
    random = random_mask(full.shapes, kept=full.total // 2, seed=0)
    seen = []
    for name, mask in {"dense": full, "oneshot": reference.oneshot_like(random), "random": random}.items():
        with bare.inside(mask):
            vectors = [represent(bare, side, pooling="mean") for side in sides]
        seen.append(Seen(name, mask.sparsity, ranks(*vectors, asked.parallel, seed=0)))
    rows = retrieval_rows(seen, asked.parallel, seed=0)
    last = {row["subnetwork"]: row["accuracy"] for row in rows if (row["layer"], row["top"]) == (6, 5)}
    # An English encoder knows names, numbers and cognates.
    assert last["dense"] > 60
    assert last["random"] < last["oneshot"] - 10
    assert last["random"] > 100 * 5 / 60
