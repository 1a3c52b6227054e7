"""The data of a run: the splits of a task in a language, as the base reads them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from finetune.base_model import Base
from finetune.blind import check_asks
from finetune.examples import Encoded, encode, with_fixed_masks
from finetune.sources import SPLITS, open_split
from subnets.errors import InputError
from subnets.settings import Settings

EVALUATION_MASK_SEED = 0  # the masks of mlm's validation and test are the same for every seed of a run


@dataclass(frozen=True)
class Data:
    """The splits of a task in a language, as the base reads them; `test` is None where the source has none."""

    train: Encoded
    validation: Encoded
    test: Encoded | None
    revision: str | None

    def splits(self) -> dict[str, Encoded]:
        """The splits there are, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in named.items() if split is not None}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the fingerprints of all splits."""
        prints = {name: split.fingerprint for name, split in self.splits().items()}
        return hashlib.sha256(json.dumps(prints).encode()).hexdigest()


def read_data(settings: Settings, base: Base) -> Data:
    """The splits, encoded; the masks of mlm's validation and test drawn.

    Raises:
        InputError: a split cannot be read, train or validation is missing, or what is scored asks nothing.
    """
    limits = {"train": settings.data.train_examples, "validation": settings.data.validation_examples,
              "test": settings.data.test_examples}  # fmt: skip
    two_segments = getattr(base.model.config, "type_vocab_size", 0) > 1
    segments = two_segments and "token_type_ids" in base.tokenizer.model_input_names
    encoded: dict[str, Encoded | None] = dict.fromkeys(SPLITS)
    revision = None
    for name in SPLITS:
        split = open_split(settings.data, settings.task, settings.lang, name)
        if split is None:
            continue
        revision = split.revision
        examples = encode(
            split.rows, settings.task, tokenizer=base.tokenizer, segments=segments,
            max_length=settings.finetune.max_length, limit=limits[name],
            where=f"data={settings.data.source}, {settings.task.name}, {settings.lang}, {name}",
        )  # fmt: skip
        if settings.task.kind == "mlm" and name != "train":
            examples = with_fixed_masks(
                examples, tokenizer=base.tokenizer, share=settings.finetune.mask_share, seed=EVALUATION_MASK_SEED
            )
        if name != "train":
            check_asks(examples, settings.task, where=f"{settings.task.name}, {settings.lang}, {name}")
        encoded[name] = examples
    if encoded["train"] is None or encoded["validation"] is None:
        raise InputError(f"data={settings.data.source}: {settings.task.name} needs a train and a validation split")
    return Data(encoded["train"], encoded["validation"], encoded["test"], revision)
