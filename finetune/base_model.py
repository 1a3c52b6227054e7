"""The base: a pre-trained encoder with its tokenizer and a freshly seeded head for the task."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub import constants, try_to_load_from_cache
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from finetune.errors import InputError
from finetune.hub import check_cached, check_hub_reachable, commit_served
from finetune.settings import ModelSettings
from finetune.tasks import Task

HEADS: dict[str, Any] = {
    "sentence": AutoModelForSequenceClassification,
    "token": AutoModelForTokenClassification,
    "mlm": AutoModelForMaskedLM,
}
# Bases that come with the package.
EMBEDDED = {"mini": Path(__file__).resolve().parent / "mini"}
# Byte-level tokenizers read a word given alone as the middle of a word unless they are told to put a space before it.
BYTE_LEVEL = {"roberta", "longformer", "deberta"}

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


# What a config file says of who wrote it and in which type, and not of what the model computes.
NOT_OF_THE_MODEL = {"transformers_version", "architectures", "dtype", "torch_dtype"}


@dataclass(frozen=True)
class Base:
    """A model with a head for one task, and its tokenizer.

    Attributes:
        revision: the commit they came from; None for a folder.
        drawn: the weights that the checkpoint lacks and the seed gave: a head, perhaps a pooler.
        config: what the checkpoint's config says of the model, as JSON.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    revision: str | None
    drawn: frozenset[str] = frozenset()
    config: str = ""

    @property
    def segments(self) -> bool:
        """Whether the model tells a first text from a second, and its tokenizer says which is which."""
        two = getattr(self.model.config, "type_vocab_size", 0) > 1
        return two and "token_type_ids" in self.tokenizer.model_input_names


def load_base(settings: ModelSettings, task: Task, *, seed: int, max_length: int) -> Base:
    """The base from a folder or the hub, in fp32, with a head drawn from `seed`.

    Raises:
        InputError: no such folder or hub id, no weights in it or not all of the encoder's, an unknown architecture or
            one that brings code of its own, a tokenizer that cannot serve the task, a `max_length` beyond the model's
            positions, or a hub that does not answer.
    """
    place = _place_of(settings.name)
    served = (
        None if Path(place).is_dir() or constants.HF_HUB_OFFLINE else commit_served("model", place, settings.revision)
    )
    # Where this is left open, transformers asks on the terminal whether to run the code that a checkpoint brings.
    trusted: dict[str, Any] = {"revision": _revision(settings), "trust_remote_code": False}
    with _said_plainly(settings):
        stated, _ = PreTrainedConfig.get_config_dict(place, revision=_revision(settings))
        config = AutoConfig.from_pretrained(place, **trusted, **_head_shape(task))
        tokenizer = AutoTokenizer.from_pretrained(
            place, **trusted, **({"add_prefix_space": True} if config.model_type in BYTE_LEVEL else {})
        )
        torch.manual_seed(seed)
        model, loading = HEADS[task.kind].from_pretrained(
            place, **trusted, config=config, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
    commit = _commit_of(settings)
    if served not in (None, commit):
        raise InputError(f"model.name={settings.name}: moved to commit {served} while it was loaded; run again")
    drawn = frozenset(loading["missing_keys"])
    _check_whole(drawn, model, settings.name)
    _check_tokenizer(tokenizer, config, task, settings.name)
    _check_length(max_length, tokenizer, config)
    return Base(model, tokenizer, commit, drawn, _as_json(stated))


def random_weights(model: PreTrainedModel, *, seed: int) -> dict[str, torch.Tensor]:
    """Weights of the model's architecture as its own initialisation draws them, none of them pre-trained."""
    torch.manual_seed(seed)
    fresh = type(model)(model.config)
    return {name: weight.detach().clone() for name, weight in fresh.named_parameters()}


def encoder_of(model: PreTrainedModel) -> nn.Module:
    """The encoder inside a model with a head: what masks speak of."""
    encoder = getattr(model, model.base_model_prefix, None)
    if not isinstance(encoder, nn.Module):
        raise InputError(f"{type(model).__name__} has no encoder named {model.base_model_prefix!r}")
    return encoder


def _place_of(name: str) -> str:
    """A folder that exists, or a hub id; a folder must hold a model and weights that are not a pickle."""
    folder = _folder_of(name)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise InputError(f"model.name={name}: the folder has no config.json, so it is not a checkpoint")
        if not any(folder.glob("model*.safetensors*")):
            raise InputError(
                f"model.name={name}: the folder has no weights (model.safetensors); "
                "a pickled pytorch_model.bin is not read: convert it with save_pretrained first"
            )
        return str(folder)
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or not re.fullmatch(r"[\w.\-/]+", name):
        raise InputError(f"model.name={name}: no such folder (and not a hub id, which reads NAME or OWNER/NAME)")
    check_hub_reachable()
    return name


def _folder_of(name: str) -> Path:
    """The folder a name may stand for; `mini` is the embedded base."""
    return EMBEDDED[name] if name in EMBEDDED else Path(name).expanduser()


@contextmanager
def _said_plainly(settings: ModelSettings) -> Iterator[None]:
    """Turns what the clients raise about a base into one line; makes sure that the cache has what the hub has."""
    try:
        yield
        _check_cached(settings)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as problem:
        _check_cached(settings)  # where a file is damaged, that is what is to be said
        text = " ".join(str(problem).split())
        if "trust_remote_code" in text:
            text = "it brings code of its own, which is not run; name a checkpoint of an architecture transformers has"
        elif constants.HF_HUB_OFFLINE:
            text = f"not in the cache, and HF_HUB_OFFLINE is set: run once with network ({text[:160]})"
        elif isinstance(problem, OSError) and not _folder_of(settings.name).is_dir():
            text = f"the hub at {constants.ENDPOINT} broke off or lacks a file; try again ({text[:160]})"
        raise InputError(f"model.name={settings.name}: cannot be loaded: {text[:400]}") from problem


def _check_cached(settings: ModelSettings) -> None:
    commit = _commit_of(settings)
    if commit is not None:
        check_cached("model", settings.name, commit)


def _revision(settings: ModelSettings) -> str:
    return settings.revision or "main"


def _commit_of(settings: ModelSettings) -> str | None:
    """The commit in the hub's cache that the revision stood for; None for a folder, or where the cache has none."""
    if _folder_of(settings.name).is_dir():
        return None
    cached = try_to_load_from_cache(settings.name, "config.json", revision=_revision(settings))
    found = re.search(r"/snapshots/([0-9a-f]{40})/", str(cached))
    return found.group(1) if found else None


def _as_json(stated: dict[str, Any]) -> str:
    said = {key: value for key, value in stated.items() if key not in NOT_OF_THE_MODEL and not key.startswith("_")}
    return json.dumps(said, sort_keys=True)


def _check_whole(drawn: frozenset[str], model: PreTrainedModel, name: str) -> None:
    """Stops where the encoder itself would be drawn at random: names behind a wrapper's prefix are nobody's weights."""
    encoder = f"{model.base_model_prefix}."
    lacking = sorted(each for each in drawn if each.startswith(encoder) and "pooler" not in each.split("."))
    if lacking:
        raise InputError(
            f"model.name={name}: the checkpoint lacks {len(lacking)} weights of {type(model).__name__}'s encoder, "
            f"{lacking[0]} among them; save it again with save_pretrained, without wrappers (module., _orig_mod.)"
        )


def _head_shape(task: Task) -> dict[str, Any]:
    return {} if task.kind == "mlm" else {"num_labels": len(task.labels)}


def _check_tokenizer(tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, task: Task, name: str) -> None:
    if not tokenizer.is_fast:
        raise InputError(f"model.name={name}: its tokenizer has no fast version, which word alignment needs")
    if tokenizer.pad_token_id is None:
        raise InputError(f"model.name={name}: its tokenizer has no pad token; set one and save it again")
    if task.kind == "mlm" and tokenizer.mask_token_id is None:
        raise InputError(f"model.name={name}: its tokenizer has no mask token, which task={task.name} needs")
    if len(tokenizer) > config.vocab_size:
        raise InputError(
            f"model.name={name}: its tokenizer has {len(tokenizer)} pieces but the model embeds {config.vocab_size}"
        )


def _check_length(max_length: int, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> None:
    positions = getattr(config, "max_position_embeddings", None) or max_length
    if config.model_type in {"roberta", "xlm-roberta", "longformer"}:
        positions -= tokenizer.pad_token_id + 1  # their positions are counted from after the pad token
    if max_length > positions:
        raise InputError(
            f"finetune.max_length={max_length}: the model has {positions} positions; allowed: 8 to {positions}"
        )
