"""Sides take turns, ratios are those of turns, children are apart, and the table says what was found."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import memory
from tests.benchmarks.harness import Skipped, Spread, Unequal, children, in_child, spread, take_turns
from tests.benchmarks.lines import Measured, at_most, at_most_theirs_times, line, markdown, shown, times_less
from tests.benchmarks.machine import busy_seconds, own_seconds


def test_a_spread_is_the_median_between_the_quartiles():
    assert spread([4.0, 1.0, 3.0, 2.0, 5.0]) == Spread(3.0, 2.0, 4.0)
    assert spread([7.0]) == Spread(7.0, 7.0, 7.0)


def test_sides_take_turns_and_every_second_time_in_the_other_order():
    order: list[str] = []
    sides = {name: lambda name=name: order.append(name) or len(order) for name in "AB"}
    assert take_turns(sides, 3) == {"A": [1, 4, 5], "B": [2, 3, 6]}
    assert "".join(order) == "ABBAAB"


def test_a_ratio_is_the_median_over_turns_of_theirs_divided_by_ours():
    found = line("step", unit="s", ours=[1.0, 10.0, 2.0], theirs=[3.0, 20.0, 8.0])
    assert (found.ours, found.theirs) == (2.0, 8.0)
    assert found.times == Spread(3.0, 2.5, 3.5)  # of 3, 2 and 4; the medians alone would say 4


@pytest.mark.parametrize(
    ("mark", "ours", "theirs", "reached"),
    [
        (at_most(0.5, "s"), 0.5, 9.0, True),
        (at_most(0.5, "s"), 0.6, 9.0, False),
        (at_most_theirs_times(1.03), 1.03, 1.0, True),
        (at_most_theirs_times(1.03), 1.04, 1.0, False),
        (times_less(3, "3 × faster"), 1.0, 3.0, True),
        (times_less(3, "3 × faster"), 1.0, 2.9, False),
    ],
)
def test_a_mark_is_reached_or_not(mark, ours, theirs, reached):
    assert line("x", unit="s", ours=[ours], theirs=[theirs], mark=mark).reached is reached


def test_the_table_says_what_was_reached_skipped_and_failed():
    found = line("step", against="plain", unit="s", ours=[2.0], theirs=[1.0], mark=at_most_theirs_times(1.03))
    rows = [
        Measured("step", [found], ["losses are equal"], seconds=90, others=0.07),
        Measured("far", skipped="no data"),
        Measured("bad", failed="not equal"),
    ]
    said = markdown({"processor": "P"}, rows)
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in said.splitlines() if row.startswith("|")]
    assert cells[2] == ["step", "plain", "2.00 s", "1.00 s", "0.500 [0.500, 0.500]", "at most 1.03 × theirs", "no"]
    assert "- `step`: losses are equal" in said
    assert "`step` 90 s (7%), `bad` 0 s (0%)" in said
    assert "- `far` was not measured: no data" in said
    assert "- `bad` FAILED: not equal" in said
    assert said.startswith("- processor: P\n")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0000123, "s", "12 µs"), (0.0123, "s", "12.3 ms"), (1.234, "s", "1.23 s"), (123.4, "s", "123 s"),
        (10_616_832, "B", "10.6 MB"), (340e6, "B", "340 MB"), (12.34, "%", "12.3 %"), (1234.5, "steps", "1,234 steps"),
    ],
)  # fmt: skip
def test_numbers_are_shown_with_a_few_digits(value, unit, text):
    assert shown(value, unit) == text


def test_children_have_memory_of_their_own_and_go_on_where_they_stood():
    with children({"small": (counting, [0]), "large": (counting, [2**26])}) as sides:
        found = take_turns(sides, 2)
    assert [number for number, _, _ in found["small"]] == [1, 2]
    processes = {process for side in found.values() for _, process, _ in side}
    assert len(processes) == 2
    assert os.getpid() not in processes
    (_, _, small), (_, _, large) = found["small"][-1], found["large"][-1]
    assert 2**26 - 2**22 < large - small < 2**26 + 2**24


def counting(size):
    held = np.ones(size, np.uint8)
    for number in (1, 2):
        yield number, os.getpid(), memory.peak() + 0 * len(held)


@pytest.mark.parametrize(
    ("problem", "raised"),
    [(Skipped("no data"), Skipped), (Unequal("1 against 2"), Unequal), (ValueError("oh"), RuntimeError)],
)
def test_what_goes_wrong_in_a_child_is_known_outside(problem, raised):
    with pytest.raises(raised, match=str(problem)):
        in_child(failing, problem)


def failing(problem):
    raise problem


def test_a_child_that_dies_is_an_error():
    with pytest.raises(RuntimeError, match="exit code 3"):
        in_child(os._exit, 3)


def test_the_peak_is_that_of_the_work_alone():
    filled = 8 * 4_000_000
    assert filled - 2**20 <= memory.rise(lambda: np.ones(4_000_000).sum()) < filled + 2**23
    assert memory.rise(lambda: None) < 2**20


def test_what_a_child_computed_is_not_the_work_of_others():
    busy, own = busy_seconds(), own_seconds()
    in_child(spin, 0.3)
    assert own_seconds() - own >= 0.3
    assert busy_seconds() - busy >= 0.25  # the kernel counts in hundredths of a second


def spin(seconds):
    while time.process_time() < seconds:
        pass


def at_work(note):
    Path(note).write_text(str(os.getpid()))
    yield time.sleep(600)


def lives(pid):
    try:
        return "\nState:\tZ" not in Path("/proc", pid, "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_child_ends_with_whoever_started_it_in_the_midst_of_its_work(tmp_path):
    note = tmp_path / "pid"
    names = "from tests.benchmarks.harness import Child; from tests.benchmarks.test_harness import at_work"
    asking = subprocess.Popen([sys.executable, "-c", f"{names}; Child(at_work, {str(note)!r})()"])
    while not (note.exists() and (pid := note.read_text())):
        assert asking.poll() is None
        time.sleep(0.05)
    assert lives(pid)
    asking.kill()
    asking.wait()
    until = time.monotonic() + 10
    while lives(pid):
        assert time.monotonic() < until
        time.sleep(0.05)
