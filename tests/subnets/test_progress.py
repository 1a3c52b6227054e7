"""What a run says: lines always, a bar on a terminal only, nothing on other ranks."""

import io
import re
import sys
import time

import pytest

from subnets.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def stepped(progress, steps=20, pause=0.0):
    asked = []
    with progress.bar("round 0", first=0, steps=steps) as step:
        for number in range(1, steps + 1):
            time.sleep(pause)
            step(number, lambda: asked.append(1) or 0.25)
    return len(asked)


def test_on_a_terminal_a_bar_shows_loss_and_time_left(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    assert stepped(Progress(), pause=0.02) == 2  # the loss is fetched every ten steps only
    assert re.search(r"round 0: .* 1\d/20 \[00:0\d<00:0\d.*, loss=0\.250", screen.getvalue())


@pytest.mark.parametrize(("screen", "speaks"), [(io.StringIO, True), (Terminal, False)])
def test_elsewhere_no_bar_is_drawn_and_no_loss_is_fetched(monkeypatch, screen, speaks):
    made = screen()
    monkeypatch.setattr(sys, "stderr", made)
    assert stepped(Progress(speaks=speaks)) == 0
    assert made.getvalue() == ""


def test_only_a_rank_that_speaks_says_lines(capsys):
    Progress().say("said")
    Progress(speaks=False).say("not said")
    assert capsys.readouterr().out == "said\n"
