"""How large that is which is measured: an encoder of mBERT's size, or one that only shows that the command works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """An encoder, and how much work a row does with it.

    Attributes:
        batch, length: examples of a training step and sub-words of each.
        mlm_batch, mlm_length: the same for masked language modelling.
        steps: of a turn; the first of them is not counted.
        masks: how many are compared in pairs, `float_masks` how many of these as floats, and `study_masks` how many a
            study has.
        runs: what `step=status` looks at.
        ticket_steps: updates of each training for a ticket on real data.
        ticket: what else is said of it.
    """

    name: str
    layers: int
    width: int
    heads: int
    feed_forward: int
    vocabulary: int
    batch: int
    length: int
    mlm_batch: int
    mlm_length: int
    steps: int
    masks: int
    float_masks: int
    study_masks: int
    runs: int
    ticket_steps: int
    ticket: tuple[str, ...]

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """The prunable matrices by BERT's names."""
        square, up, down = (self.width, self.width), (self.feed_forward, self.width), (self.width, self.feed_forward)
        parts = {
            "attention.self.query": square,
            "attention.self.key": square,
            "attention.self.value": square,
            "attention.output.dense": square,
            "intermediate.dense": up,
            "output.dense": down,
        }
        return {f"encoder.layer.{at}.{part}.weight": to for at in range(self.layers) for part, to in parts.items()}

    @property
    def weights(self) -> int:
        """How many prunable weights there are."""
        return sum(rows * columns for rows, columns in self.shapes.values())


SIZES = {
    "tiny": Size(
        name="tiny", layers=2, width=32, heads=2, feed_forward=64, vocabulary=500, batch=4, length=16,
        mlm_batch=4, mlm_length=32, steps=3, masks=4, float_masks=3, study_masks=6, runs=20,
        ticket_steps=3, ticket=("data.train_examples=64", "data.validation_examples=40"),
    ),
    "mbert": Size(
        name="mbert", layers=12, width=768, heads=12, feed_forward=3072, vocabulary=119_547, batch=16, length=64,
        mlm_batch=16, mlm_length=128, steps=5, masks=11, float_masks=3, study_masks=33, runs=1000,
        ticket_steps=40, ticket=("data.train_examples=2000", "data.validation_examples=400"),
    ),
}  # fmt: skip
