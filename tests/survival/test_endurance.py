"""The suites notice what they are there to notice; `python -m tests.survival.endurance` runs them."""

import json
import os
import subprocess
from random import Random
from types import SimpleNamespace

import pytest

from tests.survival.commands import Command, Span
from tests.survival.world import files_of, litter_in, torn


def test_files_are_told_apart_by_every_byte_and_json_by_all_but_seconds(tmp_path):
    (tmp_path / "mask.safetensors").write_bytes(b"\0\1")
    (tmp_path / "results.json").write_text(json.dumps({"score": 1, "seconds": 2, "cell": {"seconds": 3}}))
    (tmp_path / ".lock").touch()
    sound = files_of(tmp_path)
    (tmp_path / "results.json").write_text(json.dumps({"score": 1, "seconds": 4, "cell": {"seconds": 5}}))
    assert torn(tmp_path, sound) == []
    (tmp_path / "results.json").write_text(json.dumps({"score": 0, "seconds": 2, "cell": {"seconds": 3}}))
    (tmp_path / "mask.safetensors").write_bytes(b"\0\0")
    (tmp_path / ".x.1.unfinished").touch()
    assert torn(tmp_path, sound) == ["mask.safetensors", "results.json"]
    assert [path.name for path in litter_in(tmp_path)] == [".x.1.unfinished"]
    assert sound.keys() == {"mask.safetensors", "results.json"}


def test_most_moments_lie_after_the_settings_are_known_and_all_within_the_command():
    draw = Random(0)
    moments = [Span(1.0, 3.0).moment(draw) for _ in range(1000)]
    assert 0 <= min(moments) < 0.1
    assert 2.9 < max(moments) <= 3
    assert 50 < sum(moment < 1 for moment in moments) < 150


def test_a_command_that_ends_while_it_is_to_be_signalled_is_left_alone(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    still_thought_alive = SimpleNamespace(is_alive=lambda: True, pid=ended.pid)
    asks_only = 0  # a signal that harms nobody, should the number have been given to another process
    with pytest.raises(ProcessLookupError):
        os.kill(ended.pid, asks_only)
    Command(still_thought_alive, None, tmp_path).signal(asks_only)
