"""What a round promises, point by point: zeros, the oracle, schedule, head, batches, ranks, and a loss gone wrong."""

import copy
import json
import math
import os
import platform
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from composed import settings
from safetensors.torch import load_file
from tiny import write_bert
from torch.nn import functional
from torch.nn.utils import prune
from torch.utils._python_dispatch import TorchDispatchMode

from finetune import free_memory, training
from finetune.errors import InputError
from finetune.evaluation import evaluate
from finetune.examples import IGNORED, collate
from finetune.training import (
    Material,
    NonFiniteLoss,
    Schedule,
    gradients_of_,
    logits_and_labels,
    mean_squared_gradients,
    train_,
)
from pruning.controls import random_mask
from pruning.mask import Mask
from pruning.mask_file import read_mask
from pruning.masking import apply_, masked_gradients
from pruning.rewinding import rewind_, start_of
from pruning.selection import keep_highest
from subnets.progress import Progress
from subnets.search import search
from subnets.workbench import Workbench, set_up
from subnets.workspace import run_folder
from tests.benchmarks import published

QUIET = Progress(speaks=False)


@pytest.fixture
def bench(small_run):
    return set_up(settings(*small_run()))


def material(bench, **changed):
    chosen = replace(bench.settings.finetune, **changed)
    return Material(bench.data.train, bench.base.tokenizer, chosen, bench.settings.seed)


def pruned_values(bench, mask):
    return torch.cat([weight.detach()[~torch.from_numpy(mask.bools(name))] for name, weight in bench.weights.items()])


def half(bench):
    return random_mask(bench.dense.shapes, kept=bench.dense.total // 2, seed=0)


# 1. Pruned weights are exactly 0.0 before the first step and after every step; gradients are masked before clipping.


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_pruned_weights_are_plus_zero_before_and_after_every_step(bench, weight_decay):
    mask, seen = half(bench), []
    apply_(bench.weights, mask)

    def look(_step=None):
        seen.append(pruned_values(bench, mask))

    look()
    with masked_gradients(bench.weights, mask):
        train_(bench.model, material(bench, weight_decay=weight_decay), accelerator=bench.accelerator, on_step=look)
    assert len(seen) == 7
    bits = torch.cat(seen).view(torch.int32)
    assert not bits.any()  # +0.0, not -0.0


def test_a_vocabulary_that_is_read_and_predicted_with_is_masked_whole(small_run):
    bench = set_up(settings(*small_run("pruning.also=[embeddings]", task="mlm")))
    name = next(name for name, weight in bench.weights.items() if weight is bench.model.get_input_embeddings().weight)
    mask, seen = half(bench), []
    apply_(bench.weights, mask)
    pruned = torch.from_numpy(~mask.bools(name))
    with masked_gradients(bench.weights, mask):
        train_(
            bench.model, material(bench), accelerator=bench.accelerator,
            on_step=lambda step: seen.append(bench.weights[name].detach()[pruned].any().item()),
        )  # fmt: skip
    assert seen == [False] * 6


def test_the_norm_that_is_clipped_is_that_of_the_survivors(bench, monkeypatch):
    mask, norms, expected = half(bench), [], []
    apply_(bench.weights, mask)
    clip, whole = training.clip_gradients_, {}

    def clipping(model, bound):
        others = [w.grad for w in bench.model.parameters() if not any(w is held for held in bench.weights.values())]
        survivors = [whole[name][torch.from_numpy(mask.bools(name))] for name in bench.weights]
        expected.append(torch.cat([g.flatten() for g in others + survivors]).norm().item())
        norms.append(clip(model, bound))
        return norms[-1]

    monkeypatch.setattr(training, "clip_gradients_", clipping)
    for name, weight in bench.weights.items():  # called before the mask's own, as it was added before
        weight.register_post_accumulate_grad_hook(lambda weight, name=name: whole.update({name: weight.grad.clone()}))
    with masked_gradients(bench.weights, mask):
        train_(bench.model, material(bench), accelerator=bench.accelerator)
    assert [norm.item() for norm in norms] == pytest.approx(expected, rel=1e-5)


# 2. The same numbers as torch.nn.utils.prune's reparametrisation on the same seed.


def test_losses_and_masks_are_those_of_torch_prune_over_two_rounds_of_twenty_steps(bench):
    ours, oracle = bench.model, copy.deepcopy(bench.model)
    plan = material(bench, steps=20)
    modules = [oracle.bert.get_submodule(name.removesuffix(".weight")) for name in bench.weights]
    start = start_of(ours)
    mask = bench.dense
    for sparsity in (0.3, 0.5):
        rewind_(ours, start)
        apply_(bench.weights, mask)
        losses = _losses(bench, plan, mask)
        oracle_losses = _trained_plainly(oracle, plan)
        assert losses == pytest.approx(oracle_losses, abs=1e-5)
        kept = mask.total - round(sparsity * mask.total)
        mask = keep_highest(lambda name: bench.weights[name].detach().abs(), mask, kept=kept)
        with torch.no_grad():
            oracle(input_ids=torch.tensor([[2]]))  # prune ranks `weight`, which its hook renews at a forward pass only
        prune.global_unstructured(
            [(module, "weight") for module in modules], prune.L1Unstructured, amount=_pruned_now(modules, kept)
        )
        theirs = Mask.from_bools(
            {f"{name}": module.weight_mask.bool() for name, module in zip(bench.weights, modules, strict=True)}
        )
        assert mask == theirs
        published.rewind_(oracle, start.weights, head=True)


def _losses(bench, plan, mask):
    losses = []
    with masked_gradients(bench.weights, mask):
        train_(bench.model, plan, accelerator=bench.accelerator, on_step=lambda step: losses.append(step.loss.item()))
    return losses


def _pruned_now(modules, kept):
    surviving = sum(int(getattr(m, "weight_mask", torch.ones_like(m.weight)).sum()) for m in modules)
    return surviving - kept


def _trained_plainly(model, plan):
    """By a loop without any of our code: prune's hooks do the masking."""
    losses = []
    torch.manual_seed(plan.seed)
    published.train_plainly_(
        model, plan.batches(), steps=plan.steps, learning_rate=plan.settings.learning_rate, fused=True,
        on_step=lambda loss: losses.append(loss.item()),
    )  # fmt: skip
    return losses


def test_masking_renames_nothing_and_hooks_nothing(bench):
    names = list(bench.model.state_dict())
    bench.train_and_score(half(bench), start=bench.start, seed=0)
    assert list(bench.model.state_dict()) == names
    assert not any(module._forward_pre_hooks for module in bench.model.modules())


# 3. The learning-rate schedule ends with the round, or spans the run as the published code's does.


def test_the_rate_falls_to_zero_within_the_round(bench):
    rates = []
    train_(bench.model, material(bench), accelerator=bench.accelerator, on_step=lambda s: rates.append(s.learning_rate))
    assert rates == pytest.approx([1e-3 * (6 - at) / 6 for at in range(6)])


def test_a_schedule_over_the_run_goes_on_where_the_round_before_stopped():
    schedule = [Schedule(total=18, offset=6 * number) for number in range(3)]
    factors = [each.factor(step, warmup_share=0.0) for each in schedule for step in range(6)]
    assert factors == pytest.approx([(18 - at) / 18 for at in range(18)])


def test_warm_up_rises_then_falls():
    factors = [Schedule(total=10).factor(step, warmup_share=0.2) for step in range(10)]
    assert factors == pytest.approx([0, 0.5, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])


# 4. The head is rewound by default; false lets it train on, as the published code does.


@pytest.mark.parametrize("rewind_head", [True, False])
def test_every_round_starts_from_the_start_unless_the_head_is_kept(small_run, monkeypatch, rewind_head):
    starts, train = [], Workbench.train_and_score

    def training(self, mask, *, start, **more):
        starts.append(start.weights)
        return train(self, mask, start=start, **more)

    monkeypatch.setattr(Workbench, "train_and_score", training)
    given = settings(*small_run(f"pruning.rewind_head={str(rewind_head).lower()}"))
    search(given, run_folder(given), progress=QUIET)
    first, later = starts[0], starts[1:3]
    same_head = [torch.equal(first["classifier.weight"], each["classifier.weight"]) for each in later]
    assert same_head == [rewind_head] * 2
    encoder = [name for name in first if name.startswith("bert.")]
    assert all(torch.equal(first[name], each[name]) for each in later for name in encoder)


# 5. Batches padded to their longest; MLM logits at masked positions only; fixed masks; perplexity from sums.


def test_mlm_logits_are_those_of_the_full_model_at_the_masked_positions(small_run):
    bench = set_up(settings(*small_run(task="mlm")))
    bench.model.eval()
    batch = collate(bench.data.validation, np.arange(16), pad_id=bench.base.tokenizer.pad_token_id)
    narrow, labels = logits_and_labels(bench.model, batch, "mlm")
    full = bench.model(**{name: tensor for name, tensor in batch.items() if name != "labels"}).logits
    asked = batch["labels"] != IGNORED
    assert 0 < len(labels) < asked.numel() / 2
    torch.testing.assert_close(narrow, full[asked])
    assert labels.tolist() == batch["labels"][asked].tolist()


@pytest.mark.parametrize("tied", [True, False])
def test_gradients_of_mlm_are_those_of_the_loss_that_the_model_computes_itself(small_run, tied, monkeypatch):
    bench = set_up(settings(*small_run(task="mlm")))
    read, predicts = bench.model.get_input_embeddings(), bench.model.get_output_embeddings()
    assert predicts.weight is read.weight
    if not tied:
        predicts.weight = torch.nn.Parameter(predicts.weight.detach().clone())
    plan = material(bench)
    batch = next(plan.batches())
    batch["input_ids"][0, 1] = read.padding_idx  # as one that is seen, which is drawn now and then
    monkeypatch.setattr(Material, "batches", lambda self: iter([batch]))
    gradients_of_(bench.model, plan, batches=1, accelerator=bench.accelerator)
    found = {name: weight.grad.clone() for name, weight in bench.model.named_parameters()}
    bench.model.zero_grad()
    bench.model(**batch).loss.backward()
    for name, weight in bench.model.named_parameters():
        assert found[name].layout is torch.strided
        torch.testing.assert_close(found[name], weight.grad, rtol=1e-4, atol=1e-7)


def test_perplexity_is_exp_of_the_mean_token_loss_and_its_masks_do_not_follow_the_seed(small_run):
    one, two = (set_up(settings(*small_run(f"seed={seed}", task="mlm"))) for seed in (0, 1))
    assert one.data.validation.fingerprint == two.data.validation.fingerprint
    found = evaluate(one.model, one.data.validation, one.settings.task, accelerator=one.accelerator, pad_id=0)
    batch = collate(one.data.validation, np.arange(len(one.data.validation)), pad_id=0)
    logits = one.model(**{name: tensor for name, tensor in batch.items() if name != "labels"}).logits
    loss = functional.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten(), ignore_index=IGNORED)
    assert found.score == pytest.approx(math.exp(loss.item()), rel=1e-5)


@pytest.mark.parametrize("task", ["pos", "mlm"])
def test_splitting_a_batch_into_passes_changes_the_gradient_by_rounding_only(small_run, task):
    bench, gradients = set_up(settings(*small_run(task=task))), []
    for passes in (1, 3):
        plan = material(bench, gradient_accumulation_steps=passes)
        gradients_of_(bench.model, plan, batches=1, accelerator=bench.accelerator)
        gradients.append(torch.cat([weight.grad.flatten() for weight in bench.model.parameters()]))
    # not 1e-7: sums over other groupings
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-7)


class Counting(TorchDispatchMode):
    """How often each operator runs."""

    def __init__(self):
        super().__init__()
        self.ran = Counter()

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        self.ran[str(operator)] += 1
        return operator(*args, **(kwargs or {}))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told what to do with free memory")
def test_what_is_free_is_kept_while_a_model_is_trained_and_scored_but_not_where_it_computes_again(bench, monkeypatch):
    for name in free_memory.SET_BY_USERS:
        monkeypatch.delenv(name, raising=False)
    kept = []

    def look(*arguments):
        kept.append(free_memory._kept.locked())
        return logits_and_labels(*arguments)

    monkeypatch.setattr("finetune.training.logits_and_labels", look)
    monkeypatch.setattr("finetune.evaluation.logits_and_labels", look)
    for recompute in (False, True):
        train_(bench.model, material(bench, steps=1, recompute=recompute), accelerator=bench.accelerator)
    gradients_of_(bench.model, material(bench), batches=1, accelerator=bench.accelerator)
    evaluate(bench.model, bench.data.validation, bench.settings.task, accelerator=bench.accelerator, pad_id=0)
    assert kept[:3] == [True, False, True]
    assert len(kept) > 3
    assert all(kept[3:])
    assert not free_memory._kept.locked()


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("task", ["pos", "mlm"])
def test_computing_again_what_is_not_kept_changes_no_bit(small_run, monkeypatch, task, precision, passes):
    given = [f"finetune.precision={precision}", f"finetune.gradient_accumulation_steps={passes}"]
    kept, gone = (set_up(settings(*small_run(*given, f"finetune.recompute={each}", task=task))) for each in (0, 1))
    assert kept.settings.identity() == gone.settings.identity()
    losses, ran, given_back = {}, {}, []
    learning = list(gone.model.parameters())
    monkeypatch.setattr(
        "finetune.training.give_back_free_memory",
        lambda: given_back.append(any(weight.grad is not None for weight in learning)),
    )
    for name, bench in (("kept", kept), ("gone", gone)):
        found = losses.setdefault(name, [])
        with Counting() as counting:
            train_(
                bench.model, material(bench, steps=3), accelerator=bench.accelerator,
                on_step=lambda step, found=found: found.append(step.loss.item()),
            )  # fmt: skip
        ran[name] = counting.ran
    assert losses["kept"] == losses["gone"]
    assert start_of(kept.model).fingerprint == start_of(gone.model).fingerprint
    layers = gone.model.config.num_hidden_layers
    again = {name: ran["gone"][name] - ran["kept"][name] for name in ("aten.gelu.default", "aten.addmm.default")}
    assert again == {"aten.gelu.default": layers * 3 * passes, "aten.addmm.default": 0}
    assert given_back == [at > 0 for _step in range(3) for at in range(passes)]  # before each pass's gradients
    assert not gone.model._forward_hooks
    assert not gone.model.is_activation_checkpointing
    assert not gone.model.get_input_embeddings()._forward_hooks


def test_an_architecture_that_cannot_compute_again_says_so(bench, monkeypatch):
    monkeypatch.setattr(type(bench.model), "supports_gradient_checkpointing", False)
    with pytest.raises(InputError, match=r"^finetune\.recompute: found true, which BertForTokenClassification cannot"):
        train_(bench.model, material(bench, recompute=True), accelerator=bench.accelerator)


@pytest.mark.parametrize("task", ["pos", "xnli"])
def test_fisher_is_the_mean_square_of_the_gradients_that_torch_takes_example_by_example(small_run, task):
    bench = set_up(settings(*small_run(task=task)))
    examples = bench.data.train
    found = mean_squared_gradients(
        bench.model, material(bench), bench.weights, examples=1000, accelerator=bench.accelerator
    )
    # As transformers computes the loss, of rows of one padded batch.
    batch = collate(examples, np.arange(len(examples)), pad_id=0)
    expected = {name: torch.zeros_like(weight) for name, weight in bench.weights.items()}
    for row in range(len(examples)):
        loss = bench.model.eval()(**{name: tensor[row : row + 1] for name, tensor in batch.items()}).loss
        gradients = torch.autograd.grad(loss, list(bench.weights.values()))
        for name, gradient in zip(bench.weights, gradients, strict=True):
            expected[name] += gradient**2 / len(examples)
    for name, square in expected.items():
        torch.testing.assert_close(found[name], square, rtol=1e-3, atol=1e-12)  # sums in another order


def test_fisher_is_taken_at_the_start_of_the_round_and_leaves_the_trained_weights(small_run):
    bench = set_up(settings(*small_run("pruning.score=fisher", "pruning.score_examples=5")))
    sparsity = bench.settings.sparsities[1]
    untrained = bench.choose(bench.dense, sparsity, score=bench.settings.pruning.score, rewound_to=bench.start)
    train_(bench.model, material(bench), accelerator=bench.accelerator)
    trained = start_of(bench.model).fingerprint
    assert trained != bench.start.fingerprint
    assert bench.choose(bench.dense, sparsity, score=bench.settings.pruning.score, rewound_to=bench.start) == untrained
    assert start_of(bench.model).fingerprint == trained
    assert (
        bench.choose(bench.dense, sparsity, score=bench.settings.pruning.score, rewound_to=start_of(bench.model))
        != untrained
    )


def test_leaving_out_pieces_that_do_not_occur_changes_nothing_but_rounding(small_run, monkeypatch):
    narrow = set_up(settings(*small_run()))
    assert 0 < len(narrow.pieces) < narrow.base.model.config.vocab_size
    monkeypatch.setattr("subnets.workbench.can_be_narrowed", lambda model: False)
    whole = set_up(settings(*small_run()))
    assert whole.pieces is None
    assert whole.origin == narrow.origin
    seen = {}
    for name, bench in (("narrow", narrow), ("whole", whole)):
        mask, outcomes, losses = bench.dense, [], []
        for sparsity in bench.settings.sparsities[1:]:
            scored = bench.train_and_score(
                mask, start=bench.start, seed=0, on_step=lambda step, kept=losses: kept.append(step.loss.item())
            )
            outcomes.append(scored.validation.counts)
            mask = bench.choose(mask, sparsity, score="magnitude", rewound_to=bench.start)
        seen[name] = mask, outcomes, losses
    assert seen["narrow"][0] == seen["whole"][0]
    assert np.array_equal(seen["narrow"][1], seen["whole"][1])
    assert seen["narrow"][2] == pytest.approx(seen["whole"][2], rel=1e-5)


@pytest.mark.parametrize(
    ("more", "task"),
    [(["pruning.also=[embeddings]"], "pos"), (["finetune.weight_decay=0.1"], "pos"), ([], "mlm")],
)
def test_the_vocabulary_is_whole_where_all_of_it_matters(small_run, more, task):
    assert set_up(settings(*small_run(*more, task=task))).pieces is None


# 6. Ranks: masks are those of rank 0 on every rank, and results those of one rank to rounding.


def test_two_ranks_train_with_the_same_masks_and_end_as_one_does_to_rounding(small_run, tmp_path):
    # Without dropout, of which each rank draws its own.
    base = write_bert(tmp_path / "bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    overrides = [each for each in small_run() if not each.startswith(("runs_dir=", "model.name="))]
    repository = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{repository}:{repository}/tests", "OMP_NUM_THREADS": "1"}
    ranks = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    for name, program in {"one": [], "two": ranks}.items():
        here = [str(Path(__file__).parent / "on_a_rank.py"), str(tmp_path), f"runs_dir={tmp_path}/{name}"]
        command = [sys.executable, *program, *here, f"model.name={base}", *overrides]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("round 0:") == 1  # one rank speaks
    trained = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in ("alone", "0", "1")}
    assert len(trained["0"]) == 3 + 2  # rounds and controls
    assert trained["0"] == trained["1"]

    weights = {name: load_file(tmp_path / f"{name}.safetensors") for name in ("alone", "0", "1")}
    for name, weight in weights["alone"].items():
        assert torch.equal(weights["0"][name], weights["1"][name])
        # Two sums instead of one: 5e-8 at most here, where a step moves a weight by the rate, 1e-3.
        torch.testing.assert_close(weights["0"][name], weight, rtol=1e-4, atol=1e-6)
    single, double = (next((tmp_path / name).rglob("rounds/1/mask.safetensors")) for name in ("one", "two"))
    masks = [read_mask(path)[0] for path in (single, double)]
    assert (masks[0] ^ masks[1]).kept < 0.001 * masks[0].total
    scores = [[each["scores"] for each in trained[name]] for name in ("alone", "0")]
    assert np.abs(np.subtract(*scores)).max() < 2.5  # two of some 90 words


# 7. A non-finite loss stops the run with round, step and the last good mask named.


def test_a_loss_that_is_not_finite_stops_at_its_step(bench):
    bench.model.classifier.weight.data.fill_(math.nan)
    with pytest.raises(NonFiniteLoss) as caught:
        train_(bench.model, material(bench), accelerator=bench.accelerator)
    assert caught.value.step == 1
