"""What a run says: lines always, a bar on a terminal and now and then a line elsewhere, nothing on other ranks."""

import io
import re
import sys
import time

import pytest

from subnets.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def stepped(progress, steps=20, pause=0.0, first=0):
    asked = []
    with progress.bar("round 0", first=first, steps=steps) as step:
        for number in range(first + 1, steps + 1):
            time.sleep(pause)
            step(number, lambda: asked.append(1) or 0.25)
    return len(asked)


def test_on_a_terminal_a_bar_shows_loss_and_time_left(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    assert stepped(Progress(), pause=0.02) == 2  # the loss is fetched every ten steps only
    assert re.search(r"round 0: .* 1\d/20 \[00:0\d<00:0\d.*, loss=0\.250", screen.getvalue())


def test_elsewhere_a_line_now_and_then_shows_loss_and_time_left(monkeypatch, capsys):
    made = io.StringIO()
    monkeypatch.setattr(sys, "stderr", made)
    clock = iter(range(0, 21 * 25, 25))  # seconds: a step takes 25
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    assert stepped(Progress()) == 6  # every third of the first nineteen
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "round 0: step 3 of 20, loss 0.250, 07:05 left"
    assert said[-1] == "round 0: step 18 of 20, loss 0.250, 00:50 left"
    assert made.getvalue() == ""


def test_of_a_training_that_goes_on_the_time_left_is_told_by_the_steps_since(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    clock = iter(range(0, 11 * 25, 25))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    assert stepped(Progress(), first=10) == 3
    assert capsys.readouterr().out.splitlines()[0] == "round 0: step 13 of 20, loss 0.250, 02:55 left"


@pytest.mark.parametrize("screen", [io.StringIO, Terminal])
def test_a_rank_that_does_not_speak_fetches_no_loss(monkeypatch, capsys, screen):
    made = screen()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setattr("subnets.progress.SAID_EVERY", 0.0)
    assert stepped(Progress(speaks=False)) == 0
    assert made.getvalue() + capsys.readouterr().out == ""


def test_only_a_rank_that_speaks_says_lines(capsys):
    Progress().say("said")
    Progress(speaks=False).say("not said")
    assert capsys.readouterr().out == "said\n"
