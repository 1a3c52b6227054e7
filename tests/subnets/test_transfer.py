"""step=transfer: what is trained inside which mask on what, that it is trained once, and what it is held against."""

import hashlib
import json
import shutil
import threading
from contextlib import ExitStack

import numpy as np
import pytest
import torch
from composed import settings
from safetensors.numpy import load_file

from finetune.outcomes import metric_called
from pruning.controls import random_mask
from pruning.mask import Mask
from pruning.mask_file import read_mask
from subnets.archive import save_scored
from subnets.errors import INPUT_ERRORS, InputError
from subnets.progress import Progress
from subnets.statistics import paired_bootstrap
from subnets.steps import find, transfer
from subnets.subnetworks import Subnetworks, as_one_training
from subnets.workbench import Workbench, set_up
from subnets.workspace import Folder, held, run_folder, subnetwork_folder, transfer_folder

QUIET = Progress(speaks=False)
FIXED = [
    "data=files", "model=checkpoint", "finetune.steps=6", "finetune.batch_size=8", "finetune.learning_rate=1e-3",
    "finetune.max_length=32", "pruning.rounds=2", "pruning.rate=0.3", "ticket.rule=bootstrap", "device=cpu",
    "threads=1", "controls=[random]",
]  # fmt: skip


@pytest.fixture(scope="module")
def finished(tiny_bert, tiny_files, tmp_path_factory):
    """The overrides of finished runs: pos in de (seeds 0 and 1) and sw, ner in de."""
    runs_dir = tmp_path_factory.mktemp("transfer") / "runs"
    given = [*FIXED, f"data.root={tiny_files}", f"model.name={tiny_bert}", f"runs_dir={runs_dir}"]
    for more in (("pos", "de", 0), ("pos", "de", 1), ("pos", "sw", 0), ("ner", "de", 0)):
        task, lang, seed = more
        find.run(settings(*given, f"task={task}", f"lang={lang}", f"seed={seed}"))
    return given


def asked(finished, *more):
    return settings(*finished, "step=transfer", "task=pos", "lang=de", "source.sparsity=0.6", *more)


def transferred(finished, *more):
    given = asked(finished, *more)
    score = transfer.run(given)
    results = json.loads((transfer_folder(given).path / "results.json").read_text())
    assert score == results["cell"]["score"]
    return given, results


def mask_of(given, entry):
    return read_mask(transfer_folder(given).path / entry["mask"])[0]


def counts_of(given, entry, split="validation"):
    return load_file((transfer_folder(given).path / entry["mask"]).parent / "outcomes.safetensors")[split]


def round_mask(given, number):
    return read_mask(run_folder(given).path / f"rounds/{number}/mask.safetensors")[0]


def no_training(*_arguments, **_named):
    raise AssertionError("something was trained again")


def test_every_mask_is_what_its_name_says(finished):
    given, results = transferred(finished, "source.mask=sw", "seed=1")
    source = round_mask(settings(*finished, "task=pos", "lang=sw"), 2)
    masks = {name: mask_of(given, entry) for name, entry in results["baselines"].items()}
    assert mask_of(given, results["cell"]) == source
    assert list(masks) == ["own", "dense", "random", "oneshot", "partial_random@0.3"]
    assert masks["own"] == round_mask(settings(*finished, "task=pos", "lang=de"), 2)
    assert masks["dense"] == Mask.full(source.shapes)
    assert {masks[name].kept for name in ("random", "oneshot", "partial_random@0.3")} == {source.kept}
    assert masks["partial_random@0.3"] <= round_mask(settings(*finished, "task=pos", "lang=sw"), 1)
    assert not masks["random"] <= round_mask(settings(*finished, "task=pos", "lang=sw"), 1)
    largest = set_up(given).reference.magnitudes
    kept = torch.cat([largest[name][torch.from_numpy(masks["oneshot"].bools(name))] for name in masks["oneshot"].names])
    dropped = torch.cat(
        [largest[name][~torch.from_numpy(masks["oneshot"].bools(name))] for name in masks["oneshot"].names]
    )
    assert kept.min() >= dropped.max()


def test_scores_are_those_of_the_kept_outcomes_and_the_difference_is_a_paired_bootstrap(finished):
    given, results = transferred(finished, "source.mask=sw", "seed=1")
    metric = metric_called(results["metric"])
    for entry in (results["cell"], *results["baselines"].values()):
        assert float(metric.score(counts_of(given, entry).sum(axis=0))) == entry["score"]
        assert float(metric.score(counts_of(given, entry, "test").sum(axis=0))) == entry["test_score"]
    cell, own = (counts_of(given, results[at] if at == "cell" else results["baselines"][at]) for at in ("cell", "own"))
    drawn = paired_bootstrap(cell, own, metric.score, resamples=given.transfer.resamples, seed=1)
    against = results["against_own"]
    assert against["difference"] == pytest.approx(results["cell"]["score"] - results["baselines"]["own"]["score"])
    assert against["p_worse"] == float((1 + np.sum(drawn >= 0)) / (1 + len(drawn)))
    assert against["low"] <= against["difference"] <= against["high"]


def test_training_is_that_of_find(finished, monkeypatch):
    """The same mask, language and seed end with the same outcome of every example as the search's own round did."""
    given = settings(*finished, "task=pos", "lang=de")
    monkeypatch.setattr(Subnetworks, "_of_search", lambda self: [])
    bench = set_up(given)
    again = Subnetworks(as_one_training(given), bench, QUIET, trained_on="de").score("again", round_mask(given, 2))
    assert again.folder.path.is_relative_to(run_folder(given).path.parent / "subnetworks")
    before = load_file(run_folder(given).path / "rounds/2/outcomes.safetensors")
    assert np.array_equal(again.scored.validation.counts, before["validation"])
    assert np.array_equal(again.scored.test.counts, before["test"])


def test_what_the_search_has_trained_is_not_trained_again(finished, monkeypatch):
    monkeypatch.setattr(Workbench, "train_and_score", no_training)
    _, results = transferred(finished, "source.mask=de", "transfer.baselines=[own,dense,random]")
    found = json.loads((run_folder(settings(*finished, "task=pos", "lang=de")).path / "results.json").read_text())
    assert results["cell"] == results["baselines"]["own"]
    assert results["cell"]["score"] == found["rounds"][2]["score"]
    assert results["against_own"]["difference"] == 0
    assert results["baselines"]["dense"]["score"] == found["rounds"][0]["score"]


def test_a_finished_transfer_computes_nothing_and_one_more_baseline_trains_that_alone(finished, monkeypatch):
    few = ["source.mask=sw", "seed=3", "transfer.baselines=[own]"]
    given, first = transferred(finished, *few)
    trained, train = [], Workbench.train_and_score
    monkeypatch.setattr(Workbench, "train_and_score", lambda *a, **n: trained.append(a[1]) or train(*a, **n))
    assert transferred(finished, *few) == (given, first)
    assert trained == []
    more, second = transferred(finished, *few[:2], "transfer.baselines=[own,random]")
    assert transfer_folder(more) == transfer_folder(given)
    assert trained == [mask_of(given, second["baselines"]["random"])]
    assert second["cell"] == first["cell"]


def test_the_same_mask_under_another_name_is_trained_once(finished, monkeypatch):
    transferred(finished, "source.mask=sw", "seed=1")
    monkeypatch.setattr(Workbench, "train_and_score", no_training)
    _, results = transferred(finished, "source.mask='sw & sw/seed0'", "seed=1", "transfer.baselines=[own,dense]")
    assert results["source"] == "sw & sw/seed0"
    assert [each["name"] for each in results["masks"]] == ["sw", "sw/seed0"]


def test_expressions_and_other_tasks_are_sources(finished):
    given, results = transferred(finished, "source.mask='core(de, sw)'", "transfer.baselines=[]")
    parts = [round_mask(settings(*finished, "task=pos", f"lang={lang}"), 2) for lang in ("de", "sw")]
    assert mask_of(given, results["cell"]) == parts[0] & parts[1]
    assert (results["source_task"], results["source_lang"], results["source_seeds"]) == ("pos", "de+sw", [0])
    given, results = transferred(finished, "source.task=ner", "transfer.baselines=[own]")
    assert results["source"] == "de"
    assert results["source_task"] == "ner"
    assert mask_of(given, results["cell"]) == round_mask(settings(*finished, "task=ner", "lang=de"), 2)
    assert mask_of(given, results["baselines"]["own"]) == parts[0]


def test_zero_shot_trains_on_the_sources_examples_and_scores_the_targets(finished, monkeypatch):
    fingerprints, train = [], Workbench.train_and_score

    def training(self, mask, **more):
        fingerprints.append((self.data.train.fingerprint, self.data.validation.fingerprint))
        return train(self, mask, **more)

    monkeypatch.setattr(Workbench, "train_and_score", training)
    mode = "transfer.mode=zero_shot"
    _, results = transferred(finished, "source.mask=sw", "seed=2", mode, "transfer.baselines=[own,dense]")
    source, target = (set_up(settings(*finished, "task=pos", f"lang={lang}")).data for lang in ("sw", "de"))
    shot, own = (source.train.fingerprint, target.validation.fingerprint), (target.train.fingerprint,)
    assert fingerprints == [shot, (*own, target.validation.fingerprint), shot]
    monkeypatch.setattr(Workbench, "train_and_score", train)
    _, itself = transferred(finished, "source.mask=de", "seed=2", mode, "transfer.baselines=[own]")
    assert itself["cell"]["score"] == itself["baselines"]["own"]["score"] == results["baselines"]["own"]["score"]


def test_zero_shot_does_not_see_what_is_only_taken_away(finished):
    mode = ["transfer.mode=zero_shot", "transfer.baselines=[]", "seed=2"]
    _, results = transferred(finished, "source.mask='sw - de'", *mode)
    assert results["source_lang"] == "sw"
    with pytest.raises(InputError, match=r"would be trained on de\+sw, and so on lang=de itself"):
        transfer.run(asked(finished, "source.mask='core(de, sw)'", *mode))


def test_of_several_runs_that_is_meant_whose_settings_agree_most_and_others_are_noted(finished, tmp_path, capsys):
    runs = tmp_path / "runs"
    shutil.copytree(settings(*finished, "task=pos", "lang=de").runs_dir, runs)
    given = [*finished, f"runs_dir={runs}"]
    find.run(settings(*given, "task=ner", "lang=de", "pruning.rate=0.2"))  # another run of the name ner/de
    _, results = transferred(given, "source.task=ner", "transfer.baselines=[]")
    assert results["masks"][0]["origin"].startswith(settings_name(settings(*given, "task=ner", "lang=de")))
    assert "note:" not in capsys.readouterr().out.replace("note: this", "")
    _, results = transferred(
        given, "source.task=ner", "transfer.baselines=[]", "pruning.rate=0.2", "source.sparsity=0.4"
    )
    assert "was found with" not in capsys.readouterr().out
    _, results = transferred(given, "source.mask=sw", "transfer.baselines=[own]", "finetune.learning_rate=2e-3")
    said = capsys.readouterr().out
    assert said.count("was found with finetune.learning_rate=0.001 (here 0.002)") == 2  # the source, and the own ticket


def settings_name(given):
    return "/".join(run_folder(given).path.parts[-3:])


def test_the_own_ticket_has_the_sparsity_that_the_source_names(finished):
    given, results = transferred(finished, "source.mask=sw@0.3", "transfer.baselines=[own]", "seed=1")
    assert results["cell"]["sparsity"] == pytest.approx(results["baselines"]["own"]["sparsity"], abs=1e-4)
    assert mask_of(given, results["baselines"]["own"]) == round_mask(settings(*finished, "task=pos", "lang=de"), 1)


@pytest.mark.parametrize("task", ["pos", "ner"])
def test_frozen_is_the_masked_base_as_it_is(finished, monkeypatch, task):
    monkeypatch.setattr(Workbench, "train_and_score", no_training)
    frozen = ["transfer.mode=frozen", "transfer.baselines=[dense,oneshot]", f"task={task}", "source.task=pos"]
    given, results = transferred(finished, *frozen, "source.mask=sw")
    bench = set_up(given)
    mask = mask_of(given, results["cell"])
    with torch.no_grad():
        for name, weight in bench.weights.items():
            weight.mul_(torch.from_numpy(mask.bools(name)))
    assert bench._score(bench.data.validation).score == results["cell"]["score"]


def test_a_sub_network_another_worker_is_training_is_waited_for(finished, monkeypatch):
    given = settings(*finished, "task=pos", "lang=sw", "seed=5")
    bench, mask = set_up(given), round_mask(settings(*finished, "task=pos", "lang=de"), 1)
    folder = subnetwork_folder(given, mask.digest, trained_on="sw")
    scored, begun, release = bench.score_untrained(mask), threading.Event(), threading.Event()

    def other_worker():
        with held(folder, given.dense_identity() | {"trained_on": "sw"}):
            begun.set()
            release.wait(timeout=60)
            folder.write("mask.safetensors", b"")
            save_scored(folder, scored, mask=mask, origin=bench.origin)

    monkeypatch.setattr(Workbench, "train_and_score", no_training)
    worker = threading.Thread(target=other_worker)
    worker.start()
    assert begun.wait(timeout=60)
    threading.Timer(0.2, release.set).start()
    found = Subnetworks(given, bench, QUIET, trained_on="sw").score("waiting", mask)
    worker.join()
    assert np.array_equal(found.scored.validation.counts, scored.validation.counts)


def test_of_several_sub_networks_the_one_that_another_worker_is_training_comes_last(finished, monkeypatch):
    given = settings(*finished, "task=pos", "lang=sw", "seed=6")
    bench = set_up(given)
    masks = {f"keeping {kept}": random_mask(bench.dense.shapes, kept=kept, seed=0) for kept in (9000, 8000, 7000)}
    busy = subnetwork_folder(given, masks["keeping 9000"].digest, trained_on="sw")
    order, train, hold = [], Workbench.train_and_score, ExitStack()

    def training(self, mask, **more):
        order.append(f"keeping {mask.kept}")
        if len(order) == 2:
            hold.close()  # the other worker leaves
        return train(self, mask, **more)

    monkeypatch.setattr(Workbench, "train_and_score", training)
    hold.enter_context(held(busy, given.dense_identity() | {"trained_on": "sw"}))
    found = Subnetworks(given, bench, QUIET, trained_on="sw").score_each(masks)
    assert order == ["keeping 8000", "keeping 7000", "keeping 9000"]
    assert {label: each.mask for label, each in found.items()} == masks
    assert list(found) == list(masks)


class Killed(BaseException):
    """What no handler may catch."""


def test_a_transfer_killed_before_any_of_its_writes_ends_with_the_same_bytes(finished, monkeypatch):
    write, writes = Folder.write_parts, []

    def writing(self, name, parts):
        if len(writes) == last:
            raise Killed
        writes.append(name)
        write(self, name, parts)

    def bytes_of(given, results):
        entries = [results["cell"], *results["baselines"].values()]
        places = [transfer_folder(given).path / entry["mask"] for entry in entries]
        return [
            hashlib.sha256((place.parent / name).read_bytes()).hexdigest()
            for place in places
            for name in ("mask.safetensors", "outcomes.safetensors")
        ] + [entry["score"] for entry in entries]

    monkeypatch.setattr(Folder, "write_parts", writing)
    given = ["source.mask=sw", "transfer.baselines=[own,random]"]
    last = -1
    undisturbed = bytes_of(*transferred(finished, *given, "seed=4"))
    for last in range(len(writes)):
        # There are 16 examples: another limit changes no number, but the folder.
        again = [*given, "seed=4", f"transfer.resamples={200 + last}", f"data.validation_examples={16 + last}"]
        writes.clear()
        with pytest.raises(Killed):
            transfer.run(asked(finished, *again))
        writes[:] = [""] * (last + 1)  # past the write to be killed at
        assert bytes_of(*transferred(finished, *again)) == undisturbed


def test_without_an_own_run_there_is_no_own_ticket_and_it_is_held_against_it_once_there_is_one(finished, tmp_path):
    runs = tmp_path / "runs"
    shutil.copytree(settings(*finished, "task=pos", "lang=de").runs_dir, runs)
    shutil.rmtree(next(runs.glob("*/pos/de")))
    given = [*finished, f"runs_dir={runs}"]
    _, before = transferred(given, "source.mask=sw", "transfer.baselines=[own,dense]")
    assert list(before["baselines"]) == ["dense"]
    assert before["against_own"] is None
    find.run(settings(*given, "task=pos", "lang=de"))
    _, after = transferred(given, "source.mask=sw", "transfer.baselines=[own,dense]")
    assert list(after["baselines"]) == ["own", "dense"]
    assert after["cell"] == before["cell"]


def test_a_source_that_now_means_another_mask_is_not_shown_as_if_nothing_had_happened(finished, tmp_path):
    runs = tmp_path / "runs"
    shutil.copytree(settings(*finished, "task=pos", "lang=de").runs_dir, runs)
    lowest = next(runs.glob("*/pos/de/seed0-*"))
    lowest.rename(tmp_path / lowest.name)
    given = [*finished, f"runs_dir={runs}", "lang=sw"]
    transferred(given, "lang=sw", "source.mask=de", "transfer.baselines=[]")
    (tmp_path / lowest.name).rename(lowest)
    with pytest.raises(InputError, match=r"meant pos/de/seed1-.* and now means pos/de/seed0-"):
        transferred(given, "lang=sw", "source.mask=de", "transfer.baselines=[]")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "source is missing; say for example source=en"),
        (["source.mask=fr"], "mask 'fr': no finished run of it for task=pos; found: de, sw"),
        (["source.mask=sw", "source.seed=7"], "no finished run of it for task=pos; found: pos/sw/seed0-"),
        (["source.mask=sw", "source.sparsity=0.5"], "no round of sparsity 0.5"),
        (["source.mask='sw &'"], "mask expression, column 5"),
        (["source.mask=sw", "source.sparsity=null", "source.task=xnli"], "no finished run of it for task=xnli"),
        (["source.mask=sw", "pruning.also=[embeddings]"], "prunes other matrices than pruning.also"),
    ],
)
def test_what_cannot_be_transferred_is_named_before_anything_is_trained(finished, monkeypatch, overrides, message):
    monkeypatch.setattr(Workbench, "train_and_score", no_training)
    with pytest.raises(INPUT_ERRORS, match=message):
        transfer.run(asked(finished, *overrides))


def test_a_mask_of_another_base_is_refused(finished, tmp_path):
    from tiny import write_bert

    torch.manual_seed(1)
    other = write_bert(tmp_path / "other", initializer_range=0.5)
    label = settings(*finished, "task=pos", "lang=de").model_label
    with pytest.raises(InputError, match="source=sw: a mask of another base"):
        transfer.run(asked(finished, "source.mask=sw", f"model.name={other}", f"model.label={label}"))


@pytest.mark.parametrize("content", ["[]", "{}", "{", '{"masks": 3}'])
def test_damaged_results_are_named(finished, content):
    given = asked(finished, "source.mask=sw", "seed=6", "transfer.baselines=[]")
    (transfer_folder(given).path / "results.json").unlink(missing_ok=True)
    transfer.run(given)
    (transfer_folder(given).path / "results.json").write_text(content)
    with pytest.raises(InputError, match=r"results\.json: .*delete it to compute it again"):
        transfer.run(given)


@pytest.mark.parametrize(
    "damage", [{"asked": None}, {"masks": []}, {"masks": [{"name": "x"}]}, {"cell": None}, {"source": 5}], ids=str
)
def test_a_damaged_field_is_named(finished, damage):
    given, results = transferred(finished, "source.mask=sw", "seed=7", "transfer.baselines=[]")
    (transfer_folder(given).path / "results.json").write_text(json.dumps(results | damage))
    with pytest.raises(InputError, match=rf"results\.json: {next(iter(damage))}.*delete it to compute it again"):
        transfer.run(given)
    (transfer_folder(given).path / "results.json").unlink()
