"""What would make a number wrong stops the run, or is handled as documented, and is said."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from composed import settings
from safetensors.numpy import load_file, save_file
from tiny import write_bert

from pruning.mask_file import About, mask_bytes, read_mask
from subnets.errors import INPUT_ERRORS, RunFailed
from subnets.steps import compare, find
from subnets.workspace import dense_folder, run_folder

SHORT = ("pruning.rounds=1", "controls=[]")


def found(*overrides):
    given = settings(*overrides)
    find.run(given)
    return given


def begun(*overrides):
    """A run that has all but its last file."""
    given = found(*overrides)
    (run_folder(given).path / "results.json").unlink()
    return given


@pytest.fixture
def bert(tmp_path):
    return write_bert(tmp_path / "bert")


def changed_weights(folder, change):
    weights = load_file(folder / "model.safetensors")
    save_file(change(weights), folder / "model.safetensors", metadata={"format": "pt"})


def scaled(name):
    def change(weights):
        (full,) = [each for each in weights if each.endswith(name)]
        return weights | {full: weights[full] * 2}

    return change


def changed_config(folder, **entries):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | entries))


@pytest.mark.parametrize(
    ("task", "change"),
    [
        ("pos", lambda bert: changed_weights(bert, scaled("layer.1.attention.self.query.weight"))),
        ("mlm", lambda bert: changed_weights(bert, scaled("predictions.transform.dense.weight"))),
        ("xnli", lambda bert: changed_config(bert, num_attention_heads=4)),  # the same weights, other numbers
        ("pos", lambda bert: changed_config(bert, layer_norm_eps=1e-5)),
    ],
    ids=["encoder", "head of mlm", "heads", "epsilon"],
)
def test_a_base_that_changed_under_the_run_is_refused(small_run, bert, task, change):
    overrides = small_run(*SHORT, f"model.name={bert}", task=task)
    given = begun(*overrides)
    change(bert)
    with pytest.raises(INPUT_ERRORS, match="the base has changed since"):
        find.run(given)
    (run_folder(given).path / "provenance.json").unlink()  # results know it by themselves
    with pytest.raises(INPUT_ERRORS, match=r"result\.json: was made from another base|a mask of another base"):
        find.run(given)


def test_a_config_saved_again_by_another_version_is_the_same_base(small_run, bert):
    given = begun(*small_run(*SHORT, f"model.name={bert}"))
    changed_config(bert, transformers_version="4.0.0", architectures=["BertModel"])
    find.run(given)
    assert run_folder(given).has("results.json")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_weights_behind_a_wrappers_prefix_are_not_replaced_by_random_ones(small_run, bert, prefix):
    changed_weights(bert, lambda weights: {prefix + name: weight for name, weight in weights.items()})
    with pytest.raises(INPUT_ERRORS, match=r"the checkpoint lacks \d+ weights of .*'s encoder, .* without wrappers"):
        found(*small_run(*SHORT, f"model.name={bert}"))


def test_a_checkpoint_with_one_matrix_missing_is_refused(small_run, bert):
    gone = "bert.encoder.layer.0.output.dense.weight"
    changed_weights(bert, lambda weights: {name: weight for name, weight in weights.items() if name != gone})
    with pytest.raises(INPUT_ERRORS, match=rf"lacks 1 weights of .*encoder, {gone}"):
        found(*small_run(*SHORT, f"model.name={bert}"))


def test_a_checkpoint_that_brings_code_is_refused_without_a_question(small_run, bert, capsys):
    changed_config(bert, model_type="own", auto_map={"AutoConfig": "own.Config"})
    (bert / "own.py").write_text("raise SystemExit('this file was run')\n")
    with pytest.raises(INPUT_ERRORS, match="it brings code of its own, which is not run"):
        found(*small_run(*SHORT, f"model.name={bert}"))
    assert "[y/N]" not in capsys.readouterr().out


def test_a_mask_of_another_base_is_refused(small_run):
    given = begun(*small_run(*SHORT))
    place = run_folder(given).path / "rounds/1/mask.safetensors"
    mask, _ = read_mask(place)
    place.write_bytes(mask_bytes(mask, About("other", "0" * 64, "pos", "de", 0)))
    with pytest.raises(INPUT_ERRORS, match=r"a mask of another base \(fingerprint 000000000000"):
        find.run(given)


def test_a_round_of_another_run_is_refused(small_run):
    given = begun(*small_run(*SHORT))
    place = run_folder(given).path / "rounds/1/mask.safetensors"
    mask, about = read_mask(place)
    place.write_bytes(mask_bytes(mask, replace(about, seed=1)))
    with pytest.raises(INPUT_ERRORS, match=r"a mask of task, language and seed \('pos', 'de', 1\); expected one of"):
        find.run(given)


def test_outcomes_that_add_up_to_the_same_score_but_are_others_are_refused(small_run):
    given = begun(*small_run(*SHORT))
    place = run_folder(given).path / "rounds/1/outcomes.safetensors"
    outcomes = load_file(place)
    save_file({name: np.ascontiguousarray(counts[::-1]) for name, counts in outcomes.items()}, place)
    with pytest.raises(INPUT_ERRORS, match=r"rounds/1: damaged \(score, outcomes and mask do not belong together"):
        find.run(given)


def test_dense_runs_of_another_version_are_refused(small_run):
    rule = ["ticket.rule=one_std", "ticket.dense_seeds=2"]
    given = begun(*small_run(*SHORT, *rule))
    place = dense_folder(given.of_seed(1)).path / "result.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"run_format": 0}))
    with pytest.raises(INPUT_ERRORS, match=r"dense/seed1-\w+/result\.json: was made by another version"):
        find.run(given)


@pytest.mark.parametrize("name", ["rewind", "head"])
@pytest.mark.parametrize("damage", ["gone", "cut", "one bit"])
def test_weights_to_rewind_to_that_are_damaged_are_refused(small_run, name, damage):
    given = begun(*small_run("pruning.rounds=1", "controls=[]", "pruning.rewind=3", "pruning.rewind_head=false"))
    folder = run_folder(given).path
    shutil.rmtree(folder / "rounds/1")
    shutil.copytree(folder / "rounds/0", folder / "rounds/1", ignore=lambda *_: ["result.json"])
    place = folder / f"rounds/0/{name}.safetensors"
    content = place.read_bytes()
    place.write_bytes({"gone": b"", "cut": content[:-4], "one bit": content[:-1] + bytes([content[-1] ^ 1])}[damage])
    if damage == "gone":
        place.unlink()
    with pytest.raises(INPUT_ERRORS, match=rf"rounds/0/{name}\.safetensors: damaged .* delete the folder it lies in"):
        find.run(given)


@pytest.mark.parametrize(("rate", "steps"), [("1e3", 6), ("1e10", 6), ("1e38", 1)])
@pytest.mark.parametrize("task", ["mlm", "ner"])
def test_training_that_leaves_the_numbers_is_no_result(small_run, rate, steps, task):
    given = settings(*small_run(*SHORT, f"finetune.learning_rate={rate}", f"finetune.steps={steps}", task=task))
    if (rate, task) == ("1e3", "ner"):
        find.run(given)  # such weights are still numbers, and so are their scores
        return
    with pytest.raises(RunFailed, match=r"round 0: .* try a lower finetune\.learning_rate"):
        find.run(given)
    assert not list(run_folder(given).path.rglob("result.json"))


def edited(root, change):
    root.write_text("\n".join(change(line) for line in root.read_text().splitlines()) + "\n")


@pytest.fixture
def own_files(tiny_files, tmp_path):
    return shutil.copytree(tiny_files, tmp_path / "own")


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_split_without_entities_is_refused(small_run, own_files, split):
    edited(own_files / f"ner/de/{split}.conll", lambda line: line.split("\t")[0] + "\tO" if line else line)
    with pytest.raises(INPUT_ERRORS, match=f"ner, de, {split}: 16 examples without an entity"):
        found(*small_run(*SHORT, f"data.root={own_files}", task="ner"))


def test_masked_tokens_so_few_that_there_are_none_are_refused(small_run):
    with pytest.raises(INPUT_ERRORS, match="mlm, de, validation: 16 examples without a masked token"):
        found(*small_run(*SHORT, "finetune.mask_share=0.0001", task="mlm"))


def test_training_on_one_class_runs_and_its_ticket_is_said_to_keep_nothing(small_run, own_files, capsys):
    edited(
        own_files / "xnli/de/train.tsv",
        lambda line: line.replace("entailment", "neutral").replace("contradiction", "neutral"),
    )
    given = found(*small_run(*SHORT, f"data.root={own_files}", "finetune.steps=40", task="xnli"))
    results = run_folder(given).read_json("results.json")
    assert results["dense"]["score"] <= results["dense"]["blind_score"] < 100
    if results["ticket"] is not None:
        assert "one answer to every text scores" in capsys.readouterr().out


def test_a_shard_without_rows_is_refused_and_a_label_outside_the_set_too(small_run, own_files):
    (own_files / "pos/de/test.conllu").write_text("# text = nothing\n\n")
    with pytest.raises(INPUT_ERRORS, match=r"test\.conllu: has no rows"):
        found(*small_run(*SHORT, f"data.root={own_files}"))
    edited(own_files / "pos/sw/train.conllu", lambda line: line.replace("\tDET\t", "\tPOSSUM\t"))
    with pytest.raises(INPUT_ERRORS, match=r"train\.conllu:\d+: label 'POSSUM' is not one of pos's labels"):
        found(*small_run(*SHORT, f"data.root={own_files}", "lang=sw"))


def test_more_passes_than_examples_are_the_same_training(small_run):
    scores = []
    for passes in (1, 5):
        given = found(*small_run(*SHORT, "finetune.batch_size=2", f"finetune.gradient_accumulation_steps={passes}"))
        (entry,) = run_folder(given).read_json("results.json")["rounds"][:1]
        scores.append(entry["score"])
    assert scores[1] == pytest.approx(scores[0], abs=5)  # dropout is drawn anew for each pass


def test_everything_can_be_pruned_and_masks_that_keep_nothing_compared(small_run, tmp_path):
    for lang in ("de", "sw"):
        given = found(*small_run(*SHORT, "pruning.rate=1", f"lang={lang}"))
        mask, _ = read_mask(run_folder(given).path / "rounds/1/mask.safetensors")
        assert (mask.kept, mask.sparsity) == (0, 1)
    given = settings(*[each for each in small_run("step=compare") if not each.startswith("lang=")])
    compare.run(given)
    (table,) = (tmp_path / "runs").glob("*/pos/compare/all/languages.csv")
    rows = [line.split(",") for line in table.read_text().splitlines()]
    whole = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert {row["mean"] for row in whole if row["measure"] == "jaccard"} == {"1.0"}


def test_tied_weights_are_pruned_once_and_stay_tied(small_run, monkeypatch):
    from subnets.workbench import Workbench

    choose, seen = Workbench.choose, []

    def choosing(self, mask, sparsity, **more):
        model = self.base.model
        seen.append(model.get_output_embeddings().weight is model.get_input_embeddings().weight)
        return choose(self, mask, sparsity, **more)

    monkeypatch.setattr(Workbench, "choose", choosing)
    given = found(*small_run(*SHORT, "pruning.also=[embeddings]", task="mlm"))
    mask, _ = read_mask(run_folder(given).path / "rounds/1/mask.safetensors")
    assert seen == [True]
    assert [name for name in mask.names if "word_embeddings" in name] == ["embeddings.word_embeddings.weight"]
    assert mask.sparsity == pytest.approx(0.3, abs=1e-3)
