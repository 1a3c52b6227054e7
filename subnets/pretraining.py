"""The pre-training of a base: vocabulary, texts, training with checkpoints, and how well it predicts each language."""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from accelerate import Accelerator
from pydantic import FiniteFloat, TypeAdapter, ValidationError
from transformers import PreTrainedTokenizerBase

from finetune.base_model import Base
from finetune.evaluation import evaluate
from finetune.pretraining import mixture, new_model
from finetune.sources import Document, open_split
from finetune.training import Material, NonFiniteLoss, Step, train_, unwrapped
from finetune.wordpiece import learn_wordpieces
from subnets import provenance
from subnets.catalogue import PROVENANCE, RESULTS
from subnets.data import Data, read_data
from subnets.devices import accelerator_of, held_by_rank_0
from subnets.errors import InputError, RunFailed
from subnets.progress import Progress
from subnets.settings import Settings
from subnets.snapshots import Snapshots
from subnets.workspace import Folder, drop_states, held


@dataclass(frozen=True)
class Pretrained:
    """What `results.json` of a pre-training holds; the loss is in nats."""

    steps: int
    weights: int
    vocabulary: int
    mean_loss: FiniteFloat
    perplexity: dict[str, FiniteFloat]


def pretrain(settings: Settings, folder: Folder, *, progress: Progress) -> dict[str, Any]:
    """Pre-trains a base into its folder, going on where it was stopped.

    Returns:
        What `results.json` holds.

    Raises:
        InputError: a setting or the data cannot be used.
        RunFailed: training left the numbers; the checkpoints before stay.
    """
    accelerator = accelerator_of(settings, settings.pretrain.training, folder=folder)
    with held_by_rank_0(partial(held, folder, settings.pretrain_identity()), accelerator, waiting=None):
        if folder.has(RESULTS):
            progress.say("this base is done; nothing was computed")
            return _checked(folder)
        return _pretrain(settings, folder, accelerator, progress)


def _checked(folder: Folder) -> dict[str, Any]:
    """The results of a pre-training that is done."""
    found = folder.read_json(RESULTS)
    try:
        return asdict(TypeAdapter(Pretrained).validate_python(found))
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{folder.path / RESULTS}: {place}: {first['msg']}; delete it to compute it again") from None


def _pretrain(settings: Settings, folder: Folder, accelerator: Accelerator, progress: Progress) -> dict[str, Any]:
    chosen = settings.pretrain
    tokenizer = learn_wordpieces(_texts(settings), size=chosen.vocabulary, max_length=chosen.training.max_length)
    base = Base(new_model(chosen, tokenizer, seed=settings.seed), tokenizer, None)
    data = {lang: _read(settings, lang, base) for lang in settings.languages}
    examples = mixture(
        {lang: each.train for lang, each in data.items()}, exponent=chosen.sampling_exponent, seed=settings.seed
    )
    progress.say(f"vocabulary: {len(tokenizer):,} pieces; weights: {base.model.num_parameters():,}")
    progress.say(f"train: {len(examples):,} blocks, {len(examples.token_ids):,} sub-words")
    if accelerator.is_main_process:
        machine = provenance.machine(
            accelerator.device, precision=chosen.training.precision, ranks=accelerator.num_processes
        )
        folder.write_json(PROVENANCE, {"software": provenance.software(), "machine": machine})
    model = accelerator.prepare_model(base.model)
    material = Material(examples, tokenizer, chosen.training, settings.seed)
    keeper = _Keeper(folder, tokenizer, chosen.weights, material.steps)
    snapshots = Snapshots(folder, examples.fingerprint, chosen.training.checkpoint_every, accelerator)
    resume = snapshots.last()
    with progress.bar("pretrain", first=resume.number if resume else 0, steps=material.steps) as show:

        def on_step(step: Step) -> None:
            show(step.number, step.loss.item)
            if accelerator.is_main_process:
                keeper.keep(step, unwrapped(model))
            snapshots.keep(step)

        try:
            train_(model, material, accelerator=accelerator, resume=resume, on_step=on_step)
        except NonFiniteLoss as problem:
            raise RunFailed(
                f"{problem}; try a lower pretrain.training.learning_rate (found {chosen.training.learning_rate})"
            ) from None
    pad_id = tokenizer.pad_token_id
    losses = {
        lang: math.log(evaluate(model, each.validation, settings.task, accelerator=accelerator, pad_id=pad_id).score)
        for lang, each in data.items()
    }
    results = {
        "steps": material.steps,
        "weights": base.model.num_parameters(),
        "vocabulary": len(tokenizer),
        "mean_loss": statistics.fmean(losses.values()),
        "perplexity": {lang: math.exp(loss) for lang, loss in losses.items()},
    }
    if accelerator.is_main_process:
        folder.write_json(RESULTS, results)
        drop_states(folder)
    return results


@dataclass(frozen=True)
class _Keeper:
    """Writes checkpoints at powers of two and at the end."""

    folder: Folder
    tokenizer: PreTrainedTokenizerBase
    precision: str
    steps: int

    def keep(self, step: Step, model: Any) -> None:
        """Writes what is due after a step."""
        if step.number.bit_count() == 1 or step.number == self.steps:
            self._checkpoint(step.number, model)

    def _checkpoint(self, number: int, model: Any) -> None:
        """A checkpoint as Hugging Face writes it: the weights last, as they say it is whole."""
        folder = self.folder / "checkpoints" / str(number)
        dtype = torch.float16 if self.precision == "fp16" else torch.float32
        kept = {name: weight.detach().to(dtype).contiguous() for name, weight in model.named_parameters()}
        with tempfile.TemporaryDirectory() as scratch:
            self.tokenizer.save_pretrained(scratch)
            config = type(model.config)(**{**model.config.to_dict(), "architectures": [type(model).__name__]})
            config.dtype = dtype
            config.save_pretrained(scratch)
            for path in sorted(Path(scratch).iterdir()):
                folder.write(path.name, path.read_bytes())
        folder.write("model.safetensors", safetensors.torch.save(kept, metadata={"format": "pt"}))


def _texts(settings: Settings) -> Iterator[str]:
    """The documents of all languages from which the vocabulary is learnt."""
    for lang in settings.languages:
        split = open_split(_reading(settings).data, settings.task, lang, "train")
        if split is None:
            raise InputError(f"data={settings.data.source}: no train split for {lang}")
        for row in islice(split.rows, settings.pretrain.vocabulary_documents):
            if isinstance(row, Document):
                yield " ".join(part for part in (row.text, row.following) if part)


def _read(settings: Settings, lang: str, base: Base) -> Data:
    return read_data(replace(_reading(settings), lang=lang, finetune=settings.pretrain.training), base)


def _reading(settings: Settings) -> Settings:
    """The settings with as many training documents of a language as pre-training takes."""
    return replace(settings, data=replace(settings.data, train_examples=settings.pretrain.documents))
