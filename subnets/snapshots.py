"""States to go on from in the middle of a training: kept every so many steps, and dropped once its outcome is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import safetensors.torch
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from safetensors import SafetensorError, safe_open

from finetune.training import Snapshot, Step
from pruning.rewinding import fingerprint_of
from subnets.archive import FINGERPRINT
from subnets.errors import InputError
from subnets.workspace import Folder

OF = "of"  # the header's field that says which training a state belongs to
AGAIN = "delete it to begin this training again"


@dataclass(frozen=True)
class Snapshots:
    """The states of one training in its folder, one file a rank, as ranks draw their own dropout.

    Attributes:
        of: stands for all that decides the training; a state of another is not gone on from.
        every: steps between two states; None: none is kept.
    """

    folder: Folder
    of: str
    every: int | None
    accelerator: Accelerator

    def keep(self, step: Step) -> None:
        """Writes the state after a step, where one is due."""
        if self.every is None or step.number % self.every:
            return
        state = step.snapshot()
        tensors = {f"weights/{name}": weight for name, weight in state.weights.items()}
        tensors |= {f"moments/{name}": value for name, value in state.moments.items()}
        tensors |= {"random_state": state.random_state, "number": torch.tensor(state.number)}
        metadata = {OF: self.of, FINGERPRINT: fingerprint_of(tensors)}
        self.folder.write(self._name, safetensors.torch.save(tensors, metadata=metadata))

    def last(self) -> Snapshot | None:
        """The state kept last, if it is of this training and every rank has that of the same step.

        Raises:
            InputError: the file is damaged.
        """
        found = self._read() if self.folder.has(self._name) else None
        numbers = {0 if found is None else found.number}
        if self.accelerator.num_processes > 1:
            numbers = set(gather_object(list(numbers)))
        return found if len(numbers) == 1 else None

    @property
    def _name(self) -> str:
        rank = self.accelerator.process_index
        return "snapshot.safetensors" if rank == 0 else f"snapshot-{rank}.safetensors"

    def _read(self) -> Snapshot | None:
        where = self.folder.path / self._name
        try:
            with safe_open(where, framework="pt") as file:
                said = file.metadata() or {}
                if said.get(OF) != self.of:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            if said.get(FINGERPRINT) != fingerprint_of(tensors):
                raise InputError(f"{where}: damaged (its state is not the one written); {AGAIN}")
            return Snapshot(
                int(tensors["number"]), _under("weights", tensors), _under("moments", tensors), tensors["random_state"]
            )
        except (SafetensorError, KeyError, OSError) as problem:
            raise InputError(f"{where}: damaged ({problem}); {AGAIN}") from None


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix + "/"): value for name, value in tensors.items() if name.startswith(prefix + "/")}
