"""What is installed and imported: pinned, hashed, and silent towards the network."""

import os
import re
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]


def pins(name):
    lines = (REPOSITORY / name).read_text().splitlines()
    found = [Requirement(line.split(" --hash")[0]) for line in lines if line and not line.startswith("#")]
    here = [each for each in found if each.marker is None or each.marker.evaluate({"python_version": "3.11"})]
    return {canonicalize_name(each.name): str(each.specifier) for each in here}


def test_every_pinned_version_is_hashed_but_torch():
    plain, hashed = pins("constraints.txt"), pins("constraints-hashed.txt")
    assert plain.pop("torch") == "==2.13.0"
    assert hashed == plain
    lines = (REPOSITORY / "constraints-hashed.txt").read_text().splitlines()[3:]
    assert all(re.search(r" --hash=sha256:[0-9a-f]{64}$", line) for line in lines)


def test_every_dependency_is_pinned():
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    names = {canonicalize_name(Requirement(each).name) for each in wanted} - {"subnets"}
    assert names <= pins("constraints.txt").keys()


SCRIPT = """
import importlib, pkgutil, socket
def refuse(*_):
    raise AssertionError("a connection was opened at import")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
count = 0
for room in ("pruning", "finetune", "subnets"):
    package = importlib.import_module(room)
    for module in pkgutil.walk_packages(package.__path__, f"{room}."):
        importlib.import_module(module.name)
        count += 1
from huggingface_hub import constants
assert constants.HF_HUB_DISABLE_TELEMETRY
print(count)
"""


def test_no_import_opens_a_connection_and_telemetry_is_off():
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=REPOSITORY, env={**ours, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 80
