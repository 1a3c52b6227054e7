"""The device, its precision and its threads, and what ranks must agree on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast, broadcast_object_list, gather

from finetune.settings import FinetuneSettings
from pruning.mask import Mask
from subnets.errors import Busy, InputError, RunFailed
from subnets.progress import Say
from subnets.settings import Settings
from subnets.workspace import Folder

Value = TypeVar("Value")
ASKED_AGAIN = 1.0  # seconds after which ranks ask again for what another process holds
VECTOR_MATH = (  # what torch leaves to MKL on a CPU: IMPLEMENT_VML_MKL in its ATen/cpu/vml.h
    torch.acos, torch.asin, torch.atan, torch.cos, torch.erf, torch.erfc, torch.erfinv, torch.exp,
    torch.log, torch.log10, torch.log2, torch.sin, torch.sqrt, torch.tan, torch.tanh, torch.trunc,
)  # fmt: skip


def set_threads(settings: Settings) -> None:
    """As many of this process as the settings say; as many as there are where they say nothing."""
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)


def warm_up_vector_math() -> None:
    """Has every function of `VECTOR_MATH` called once, by one thread, as torch does for one element.

    MKL 2024 resolves each one's kernel at its first call, and where two threads make that call at once, one of them may
    compute with another kernel, to relative errors of 1e-4 (https://github.com/pytorch/pytorch/issues/188792).
    """
    for function in VECTOR_MATH:
        for dtype in (torch.float32, torch.float64):
            function(torch.zeros(1, dtype=dtype))


def accelerator_of(settings: Settings, training: FinetuneSettings, *, folder: Folder | None = None) -> Accelerator:
    """The device, its precision and its threads; where a tracker is set, it keeps its losses in the folder.

    Raises:
        InputError: there is no such device here, or it cannot compute with that precision.
    """
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise InputError("device=cuda: no CUDA device is visible; allowed here: auto, cpu")
    on_cpu = settings.device == "cpu" or not torch.cuda.is_available()
    bf16 = training.precision == "bf16"
    if bf16 and not on_cpu and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise InputError(f"finetune.precision=bf16: {torch.cuda.get_device_name()} does not support it; use fp32")
    set_threads(settings)
    warm_up_vector_math()
    # Runs of one sweep may share a process but not a precision, which accelerate holds process-wide.
    AcceleratorState._reset_state(reset_partial_state=False)
    tracker = training.tracker if folder is not None else None
    place = folder.path if folder is not None and tracker else None
    accelerator = Accelerator(cpu=on_cpu, mixed_precision="bf16" if bf16 else "no", log_with=tracker, project_dir=place)
    if tracker is not None:
        accelerator.init_trackers(tracker)
    return accelerator


def mask_of_rank_0(mask: Mask, device: torch.device) -> Mask:
    """Rank 0's mask on every rank.

    Raises:
        RunFailed: ranks hold different bits afterwards.
    """
    packed = broadcast(torch.from_numpy(mask.packed.copy()).to(device))
    shared = Mask(mask.shapes, packed.cpu().numpy())
    digests = gather(torch.tensor([list(bytes.fromhex(shared.digest))], device=device))
    if not bool((digests == digests[0]).all()):
        raise RunFailed("ranks hold different masks; the run is stopped before it trains with them")
    return shared


def of_rank_0(look: Callable[[], Value], accelerator: Accelerator) -> Value:
    """What rank 0 finds, on every rank: what is on a disk is looked up once, so that no rank sees more than another."""
    if accelerator.num_processes == 1:
        return look()
    values: list[Any] = [look() if accelerator.is_main_process else None]
    broadcast_object_list(values, from_process=0)
    found: Value = values[0]
    return found


@contextmanager
def held_by_rank_0(
    hold: Callable[[Say | None], AbstractContextManager[None]], accelerator: Accelerator, *, waiting: Say | None
) -> Iterator[None]:
    """Within, rank 0 holds what another process may hold as well, and no rank is here before it does.

    A rank 0 that waited for a lock would leave the others in a collective, which gives up after some minutes. So where
    there are several, it asks again and again, and all of them hear each time what came of it.

    Args:
        hold: what rank 0 enters, by whom it is to tell that it waits; told None it raises Busy instead.
        accelerator: of the ranks.
        waiting: told that another process is waited for; None: none is waited for.

    Raises:
        Busy: another process holds it, and there is no `waiting`; on every rank.
    """
    if accelerator.num_processes == 1:
        with hold(waiting):
            yield
        return
    with ExitStack() as stack:
        told = False
        while busy := of_rank_0(partial(_busy, hold, stack), accelerator):
            if waiting is None:
                raise Busy(busy)
            if not told:
                waiting(f"waiting: {busy}")
            told = True
            time.sleep(ASKED_AGAIN)
        yield


def _busy(hold: Callable[[Say | None], AbstractContextManager[None]], stack: ExitStack) -> str | None:
    """Holds it on a stack, or says who does."""
    try:
        stack.enter_context(hold(None))
    except Busy as problem:
        return str(problem)
    return None
