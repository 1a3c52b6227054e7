"""A failing hub, the quick part; `python -m tests.survival.hub` has every fault."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_failing_hub_is_told_in_one_line_or_overcome():
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    command = [sys.executable, "-m", "tests.survival.hub", "quick"]
    done = subprocess.run(command, cwd=REPOSITORY, env={**ours, "PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") >= 14
