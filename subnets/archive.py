"""Trained subnetworks on disk: the mask, the outcome of every example, the score; the score last, as it says done."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import safetensors.numpy

from finetune.outcomes import Outcomes
from pruning.lottery import Round
from pruning.mask import Mask
from pruning.mask_file import About, mask_bytes, read_mask
from subnets.errors import InputError
from subnets.workspace import RESULT as RESULT
from subnets.workspace import Folder, drop_states

MASK, OUTCOMES = "mask.safetensors", "outcomes.safetensors"


@dataclass(frozen=True)
class Scored:
    """How a trained subnetwork did: on validation, where everything is decided, and on test where there is one."""

    validation: Outcomes
    test: Outcomes | None
    seconds: float

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
    """What results were made from; results of another origin are refused."""

    base: str
    data: str


def save_scored(folder: Folder, scored: Scored, *, mask: Mask, origin: Origin) -> None:
    """Keeps an outcome; `result.json` is written last. Then the states of the training are of no more use."""
    counts = {"validation": scored.validation.counts}
    if scored.test is not None:
        counts["test"] = scored.test.counts
    folder.write(OUTCOMES, safetensors.numpy.save(counts))
    result = {
        "sparsity": mask.sparsity,
        "score": scored.validation.score,
        "test_score": scored.test.score if scored.test is not None else None,
        "metric": scored.validation.metric,
        "seconds": round(scored.seconds, 2),
        "mask_digest": mask.digest,
        "base_fingerprint": origin.base,
        "data_fingerprint": origin.data,
    }
    folder.write_json(RESULT, result)
    drop_states(folder)


def load_scored(folder: Folder, *, mask: Mask, origin: Origin) -> Scored | None:
    """The outcome of a mask kept before, or None.

    Raises:
        InputError: it was made from another mask, another base or other data, or its files do not fit each other.
    """
    if not folder.has(RESULT):
        return None
    result = folder.read_json(RESULT)
    try:
        _check_origin(result, origin, where=str(folder.path / RESULT))
        counts = safetensors.numpy.load(folder.read(OUTCOMES))
        validation = Outcomes(result["metric"], counts["validation"])
        test = Outcomes(result["metric"], counts["test"]) if "test" in counts else None
        scored = Scored(validation, test, float(result["seconds"]))
        agrees = scored.validation.score == result["score"] and mask.digest == result["mask_digest"]
    except (OSError, KeyError, TypeError, AttributeError, ValueError, safetensors.SafetensorError) as problem:
        if isinstance(problem, InputError):
            raise
        raise _damaged(folder, f"{type(problem).__name__}: {problem}") from None
    if not agrees:
        raise _damaged(folder, "score, outcomes and mask do not belong together")
    return scored


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
            self.round_folder(0).write(MASK, mask_bytes(finished.mask, self.about))
        if finished.chosen is not None:
            self.round_folder(finished.number + 1).write(MASK, mask_bytes(finished.chosen, self.about))
        save_scored(self.round_folder(finished.number), finished.score, mask=finished.mask, origin=self.origin)

    def _read_mask(self, number: int) -> Mask:
        place = self.round_folder(number).path / MASK
        mask, about = read_mask(place)
        if about.base_fingerprint != self.origin.base:
            raise InputError(
                f"{place}: a mask of another base (fingerprint {about.base_fingerprint[:12]}, "
                f"the base at hand has {self.origin.base[:12]})"
            )
        return mask


def _check_origin(result: dict[str, Any], origin: Origin, *, where: str) -> None:
    for what, mine in (("base", origin.base), ("data", origin.data)):
        found = result[f"{what}_fingerprint"]
        if found != mine:
            raise InputError(
                f"{where}: was made from another {what} (fingerprint {str(found)[:12]}, now {mine[:12]}): "
                f"the {what} has changed since; choose another runs_dir or delete the run"
            )


def _damaged(folder: Folder, what: str) -> InputError:
    return InputError(f"{folder.path}: damaged ({what}); delete this folder and run again")
