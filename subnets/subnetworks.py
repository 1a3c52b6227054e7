"""Sub-networks tried on one task, language and seed: each is trained and scored once, whoever asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from pruning.mask import Mask
from pruning.mask_file import mask_parts
from subnets.archive import MASK, RESULT, Scored, load_scored, save_scored
from subnets.attended import train_attended
from subnets.devices import held_by_rank_0, of_rank_0
from subnets.errors import Busy
from subnets.progress import Progress
from subnets.rounds import TO_ITS_END
from subnets.settings import Settings
from subnets.workbench import Workbench
from subnets.workspace import Folder, dense_folder, held, run_folder, subnetwork_folder

SAME_START = ("random", "random_per_matrix", "oneshot", "shuffled_labels")  # controls trained from the run's own start


@dataclass(frozen=True)
class Subnetwork:
    """A mask, how the base did inside it, and the folder that keeps both."""

    mask: Mask
    scored: Scored
    folder: Folder


@dataclass(frozen=True)
class Subnetworks:
    """What comes of the base inside any mask, by one way of training it.

    Attributes:
        settings: of the task, language and seed; its schedule spans one round.
        bench: with the examples to train on, and those to score on.
        trained_on: the language of the examples to train on; None: nothing is trained.
    """

    settings: Settings
    bench: Workbench
    progress: Progress
    trained_on: str | None

    def score_each(self, asked: Mapping[str, Mask]) -> dict[str, Subnetwork]:
        """`score` for every label; what another worker is training just now comes last, so that workers share them."""
        found = {}
        for label, mask in asked.items():
            with suppress(Busy):
                found[label] = self.score(label, mask, waits=False)
        return {label: found.get(label) or self.score(label, mask) for label, mask in asked.items()}

    def score(self, label: str, mask: Mask, *, waits: bool = True) -> Subnetwork:
        """How the base does inside a mask: as kept before, by the search of the same settings too, or as it comes out.

        A worker that comes to a sub-network another is training waits for it, if it `waits`.

        Raises:
            Busy: another worker is training it, and this one does not wait.
            InputError: what was kept is damaged, or was made from another base or other data.
            RunFailed: training left the numbers.
        """
        folder = subnetwork_folder(self.settings, mask.digest, trained_on=self.trained_on)
        identity = self.settings.dense_identity() | {"trained_on": self.trained_on}
        accelerator, waiting = self.bench.accelerator, self.progress.say if waits else None
        with held_by_rank_0(partial(held, folder, identity), accelerator, waiting=waiting):
            found = of_rank_0(partial(self._kept, mask, folder), accelerator)
            if found is not None:
                self.progress.say(f"{label}: {found.scored.in_words(mask)}, as before")
                return found
            scored = self._score(label, mask, folder)
            self.progress.say(f"{label}: {scored.in_words(mask)}")
            if accelerator.is_main_process:
                about = self.bench.about(trained_on=self.trained_on or "nothing")
                folder.write_parts(MASK, mask_parts(mask, about))
                save_scored(folder, scored, mask=mask, origin=self.bench.origin)
        return Subnetwork(mask, scored, folder)

    def _score(self, label: str, mask: Mask, folder: Folder) -> Scored:
        if self.trained_on is None:
            return self.bench.score_untrained(mask)
        return train_attended(
            self.bench,
            label,
            mask,
            start=self.bench.start,
            seed=self.settings.seed,
            progress=self.progress,
            folder=folder,
        )

    def _kept(self, mask: Mask, folder: Folder) -> Subnetwork | None:
        for place in (folder, *self._of_search()):
            if _digest_in(place) == mask.digest:
                scored = load_scored(place, mask=mask, origin=self.bench.origin)
                if scored is not None and scored.stopped_at is None:
                    return Subnetwork(mask, scored, place)
        return None

    def _of_search(self) -> list[Folder]:
        """Where the search of these same settings keeps trainings that are the same function of a mask."""
        settings, own = self.settings, self.settings.lang == self.trained_on
        if not own or settings.pruning.rewind or not settings.pruning.rewind_head:
            return []
        run = run_folder(settings)
        rounds = [run / "rounds" / str(number) for number in range(len(settings.sparsities))]
        in_full = [each / TO_ITS_END for each in rounds]
        return [*rounds, *in_full, *(run / "controls" / name for name in SAME_START), dense_folder(settings)]


def as_one_training(settings: Settings) -> Settings:
    """The settings of a single training: its schedule is its own, whatever the rounds of a search share."""
    return replace(settings, finetune=replace(settings.finetune, schedule_spans="round"))


def _digest_in(place: Folder) -> str | None:
    """Which mask a folder holds a finished outcome of."""
    if not (place.has(RESULT) and place.has(MASK)):
        return None
    result = place.read_json(RESULT)
    return result.get("mask_digest") if isinstance(result, dict) else None
