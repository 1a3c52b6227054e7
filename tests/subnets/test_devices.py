"""Ranks that hold something together; what a process warms up before it computes."""

import re
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from composed import settings
from torch.utils._python_dispatch import TorchDispatchMode

from subnets import devices
from subnets.devices import VECTOR_MATH, held_by_rank_0
from subnets.errors import Busy
from subnets.workbench import set_up


class Lock:
    """One that another process holds for the first so many times it is asked for."""

    def __init__(self, busy):
        self.busy, self.held, self.asked_to_wait = busy, False, []

    @contextmanager
    def hold(self, waiting):
        self.asked_to_wait.append(waiting)
        if self.busy:
            self.busy -= 1
            raise Busy("another process is at it")
        self.held = True
        yield
        self.held = False


@pytest.fixture
def ranks(monkeypatch):
    """Two ranks, seen from one of them, to which rank 0 says these things."""
    monkeypatch.setattr(devices, "ASKED_AGAIN", 0.0)

    def seen_from(rank, said=()):
        answers = iter(said)
        monkeypatch.setattr(devices, "of_rank_0", lambda look, _ranks: look() if rank == 0 else next(answers))
        return SimpleNamespace(num_processes=2, is_main_process=rank == 0)

    return seen_from


def test_rank_0_asks_again_and_never_sits_in_a_lock_while_others_wait_for_it(ranks):
    lock, told = Lock(busy=3), []
    with held_by_rank_0(lock.hold, ranks(0), waiting=told.append):
        assert lock.held
    assert not lock.held
    assert lock.asked_to_wait == [None] * 4
    assert told == ["waiting: another process is at it"]


def test_other_ranks_go_on_when_rank_0_holds_it_and_hold_nothing_themselves(ranks):
    lock, told = Lock(busy=0), []
    with held_by_rank_0(lock.hold, ranks(1, ["another process is at it", None]), waiting=told.append):
        assert lock.asked_to_wait == []
    assert len(told) == 1


@pytest.mark.parametrize("rank", [0, 1])
def test_all_ranks_leave_where_none_is_waited_for(ranks, rank):
    seen = ranks(rank, ["another process is at it"])
    with pytest.raises(Busy, match="another process is at it"), held_by_rank_0(Lock(busy=1).hold, seen, waiting=None):
        pytest.fail("it is held by another process")


def test_a_single_process_waits_in_the_lock_itself():
    lock, said = Lock(busy=0), []
    with held_by_rank_0(lock.hold, SimpleNamespace(num_processes=1), waiting=said.append):
        assert lock.held
    assert lock.asked_to_wait == [said.append]


class FirstCalls(TorchDispatchMode):
    """On how many elements each operator was called first, by operator and type."""

    def __init__(self):
        super().__init__()
        self.elements = {}

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        if args and torch.is_tensor(args[0]):
            self.elements.setdefault((str(operator), args[0].dtype), args[0].numel())
        return operator(*args, **(kwargs or {}))


def test_what_is_loaded_and_trained_finds_vector_math_warmed_up(small_run):
    with FirstCalls() as first:
        set_up(settings(*small_run()))
    for function in VECTOR_MATH:
        for dtype in (torch.float32, torch.float64):
            assert first.elements[f"aten.{function.__name__}.default", dtype] == 1


def test_vector_math_is_what_torch_leaves_to_mkl():
    header = Path(torch.__file__).parent / "include/ATen/cpu/vml.h"
    named = re.findall(r"^IMPLEMENT_VML_MKL\((\w+),", header.read_text(), re.MULTILINE)
    assert sorted(function.__name__ for function in VECTOR_MATH) == sorted(named)
