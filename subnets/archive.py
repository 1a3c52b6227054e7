"""Trained subnetworks on disk: the mask, the outcome of every example, the score; the score last, as it says done."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import safetensors
import safetensors.numpy
import safetensors.torch
import torch

from finetune.outcomes import Outcomes
from pruning.lottery import Round
from pruning.mask import Mask
from pruning.mask_file import About, mask_parts, read_mask
from pruning.plain_json import shown
from pruning.rewinding import fingerprint_of
from subnets.errors import InputError
from subnets.workspace import RESULT as RESULT
from subnets.workspace import RUN_FORMAT, Folder, drop_states

MASK, OUTCOMES = "mask.safetensors", "outcomes.safetensors"
FINGERPRINT = "fingerprint"  # the metadata of a file of weights


@dataclass(frozen=True)
class Scored:
    """How a trained subnetwork did: on validation, where everything is decided, and on test where there is one.

    Attributes:
        seconds: that training and scoring took.
        stopped_at: the step at which the training was ended early; None: it was trained to its end.
    """

    validation: Outcomes
    test: Outcomes | None
    seconds: float
    stopped_at: int | None = None

    def in_words(self, mask: Mask) -> str:
        """One line about it."""
        test = f", test {self.test.score:.2f}" if self.test is not None else ""
        return f"sparsity {mask.sparsity:.4f}, validation {self.validation.score:.2f}{test} ({self.seconds:.0f} s)"

    def entry(self, mask: Mask, path: str) -> dict[str, Any]:
        """What `results.json` says of it; `path` is the mask's, relative to that file."""
        return {
            "sparsity": float(Fraction(mask.total - mask.kept, mask.total)),
            "score": self.validation.score,
            "test_score": self.test.score if self.test is not None else None,
            "mask": path,
        }


@dataclass(frozen=True)
class Origin:
    """What results were made from, by fingerprints; results of another origin are refused.

    Attributes:
        base: of the encoder, as masks name it.
        data: of the examples.
        start: of all that the base brings to the task, whatever the seed.
    """

    base: str
    data: str
    start: str


def save_scored(folder: Folder, scored: Scored, *, mask: Mask, origin: Origin) -> None:
    """Keeps an outcome; `result.json` is written last. Then the states of the training are of no more use."""
    counts = {"validation": scored.validation.counts}
    if scored.test is not None:
        counts["test"] = scored.test.counts
    outcomes = safetensors.numpy.save(counts)
    folder.write(OUTCOMES, outcomes)
    result = {
        "run_format": RUN_FORMAT,
        "sparsity": mask.sparsity,
        "score": scored.validation.score,
        "test_score": scored.test.score if scored.test is not None else None,
        "metric": scored.validation.metric,
        "seconds": round(scored.seconds, 2),
        "mask_digest": mask.digest,
        "outcomes_sha256": hashlib.sha256(outcomes).hexdigest(),
        "base_fingerprint": origin.base,
        "start_fingerprint": origin.start,
        "data_fingerprint": origin.data,
    }
    if scored.stopped_at is not None:
        result["stopped_at"] = scored.stopped_at
    folder.write_json(RESULT, result)
    drop_states(folder)


def load_scored(folder: Folder, *, mask: Mask, origin: Origin) -> Scored | None:
    """The outcome of a mask kept before, or None.

    Raises:
        InputError: it was made from another mask, another base or other data, or by another version, or its files do
            not fit each other.
    """
    if not folder.has(RESULT):
        return None
    result = folder.read_json(RESULT)
    try:
        _check_origin(result, origin, where=str(folder.path / RESULT))
        outcomes = folder.read(OUTCOMES)
        counts = safetensors.numpy.load(outcomes)
        validation = Outcomes(result["metric"], counts["validation"])
        test = Outcomes(result["metric"], counts["test"]) if "test" in counts else None
        stopped_at = None if result.get("stopped_at") is None else int(result["stopped_at"])
        scored = Scored(validation, test, float(result["seconds"]), stopped_at)
        digest = hashlib.sha256(outcomes).hexdigest()
        agrees = (
            scored.validation.score == result["score"]
            and mask.digest == result["mask_digest"]
            and digest == result.get("outcomes_sha256", digest)  # runs begun before it was kept lack it
        )
    except (OSError, LookupError, TypeError, AttributeError, ValueError, safetensors.SafetensorError) as problem:
        if isinstance(problem, InputError):
            raise
        raise _damaged(folder, f"{type(problem).__name__}: {_printable(problem)}") from None
    if not agrees:
        raise _damaged(folder, "score, outcomes and mask do not belong together")
    return scored


def save_weights(folder: Folder, name: str, weights: Mapping[str, torch.Tensor]) -> None:
    """Keeps weights, with their fingerprint beside them."""
    folder.write(name, safetensors.torch.save(dict(weights), metadata={FINGERPRINT: fingerprint_of(weights)}))


def load_weights(folder: Folder, name: str) -> dict[str, torch.Tensor]:
    """Weights that were kept.

    Raises:
        InputError: the file is not there or damaged.
    """
    where, again = folder.path / name, "delete the folder it lies in and run again"
    try:
        with safetensors.safe_open(where, framework="pt") as file:
            weights = {each: file.get_tensor(each) for each in file.keys()}  # noqa: SIM118 (it is no dict)
            said = file.metadata()
    except (OSError, safetensors.SafetensorError) as problem:
        raise InputError(f"{where}: damaged ({_printable(problem)}); {again}") from None
    if said not in (None, {FINGERPRINT: fingerprint_of(weights)}):  # files written before it was kept say nothing
        raise InputError(f"{where}: damaged (its weights are not those that were written); {again}")
    return weights


@dataclass(frozen=True)
class RoundArchive:
    """The rounds of a run: `rounds/<r>/` holds the mask of round r and, once finished, how it did."""

    folder: Folder
    about: About
    origin: Origin
    last: int
    writes: bool

    def round_folder(self, number: int) -> Folder:
        """Where a round is kept."""
        return self.folder / "rounds" / str(number)

    def load(self, number: int) -> Round[Scored] | None:
        """A finished round with its mask and the mask it chose."""
        folder = self.round_folder(number)
        has_chosen = number == self.last or self.round_folder(number + 1).has(MASK)
        if not (folder.has(RESULT) and has_chosen):
            return None  # also where a later round's folder was deleted, and its mask with it
        mask = self._read_mask(number)
        scored = load_scored(folder, mask=mask, origin=self.origin)
        chosen = self._read_mask(number + 1) if number < self.last else None
        return None if scored is None else Round(number, mask, scored, chosen)

    def save(self, finished: Round[Scored]) -> None:
        """Keeps a round, if this is the rank that writes; the mask it chose is written before the result."""
        if not self.writes:
            return
        if finished.number == 0:
            self.round_folder(0).write_parts(MASK, mask_parts(finished.mask, self.about))
        if finished.chosen is not None:
            self.round_folder(finished.number + 1).write_parts(MASK, mask_parts(finished.chosen, self.about))
        save_scored(self.round_folder(finished.number), finished.score, mask=finished.mask, origin=self.origin)

    def _read_mask(self, number: int) -> Mask:
        place = self.round_folder(number).path / MASK
        mask, about = read_mask(place)
        found, mine = ((each.task, each.lang, each.seed) for each in (about, self.about))
        if found != mine:
            raise InputError(f"{place}: a mask of task, language and seed {found}; expected one of {mine}")
        if about.base_fingerprint != self.origin.base:
            raise InputError(
                f"{place}: a mask of another base (fingerprint {about.base_fingerprint[:12]}, "
                f"the base at hand has {self.origin.base[:12]})"
            )
        return mask


def _check_origin(result: dict[str, Any], origin: Origin, *, where: str) -> None:
    made_by = result.get("run_format", 1)  # the first format did not say so here
    if made_by != RUN_FORMAT:
        raise InputError(
            f"{where}: was made by another version (run_format {shown(made_by)}, this one writes {RUN_FORMAT}); "
            "choose another runs_dir or delete it"
        )
    for what, found, mine in (
        ("base", result["base_fingerprint"], origin.base),
        ("base", result.get("start_fingerprint", origin.start), origin.start),  # runs begun before it was kept lack it
        ("data", result["data_fingerprint"], origin.data),
    ):
        if found != mine:
            raise InputError(
                f"{where}: was made from another {what} (fingerprint {str(found)[:12]!r}, now {mine[:12]!r}): "
                f"the {what} has changed since; choose another runs_dir or delete the run"
            )


def _damaged(folder: Folder, what: str) -> InputError:
    return InputError(f"{folder.path}: damaged ({what}); delete this folder and run again")


def _printable(problem: Exception) -> str:
    """What a library says of a file, which may repeat what the file holds, as one line that cannot move a cursor."""
    return "".join(character if character.isprintable() else "?" for character in str(problem))[:300]
