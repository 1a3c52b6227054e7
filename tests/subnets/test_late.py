"""What is imported late is kept from the collector, which then goes on as before."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from subnets.run import NAMES

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "datasets", "evaluate", "accelerate")


def said_by(program, *places):
    paths = os.pathsep.join(map(str, (*places, ROOT)))
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": paths},
    )  # fmt: skip
    return ran.stdout.split()


@pytest.fixture
def stand_in(tmp_path):
    """A folder with a module of torch's name, and one that cannot be imported."""
    (tmp_path / "torch.py").write_text("import gc\nCOLLECTS = gc.isenabled()\nTHING = []\n")
    (tmp_path / "broken.py").write_text("raise ImportError\n")
    return tmp_path


@pytest.mark.parametrize("collects", [True, False])
def test_nothing_is_collected_meanwhile_and_what_came_is_left_alone(collects, stand_in):
    program = f"""
        import gc
        from subnets.late import imported
        gc.{"enable" if collects else "disable"}()
        torch = imported('torch')
        print(torch.COLLECTS, any(each is torch.THING for each in gc.get_objects()), gc.isenabled())
    """
    assert said_by(program, stand_in) == ["False", "False", str(collects)]


def test_after_an_import_that_fails_the_collector_works_on_everything(stand_in):
    program = """
        import gc
        from subnets.late import imported
        try:
            imported('broken')
        except ImportError:
            print(gc.isenabled(), gc.get_freeze_count())
    """
    assert said_by(program, stand_in) == ["True", "0"]


@pytest.mark.parametrize("name", ["torch", "csv"])
def test_garbage_is_collected_whether_it_came_before_the_first_import_or_before_the_second(name, stand_in):
    program = f"""
        import gc, weakref
        from subnets.late import imported
        if {name!r} == 'csv':
            imported('torch')
        class Cell: pass
        cell = Cell()
        cell.self, gone = cell, weakref.ref(cell)
        gc.disable()
        del cell
        imported({name!r})
        gc.collect()
        print(gone() is None)
    """
    assert said_by(program, stand_in) == ["True"]


@pytest.mark.parametrize("step", NAMES)
def test_a_step_that_has_nothing_to_compute_needs_no_library_that_computes(step):
    program = f"import sys, subnets.steps.{step}; print(*(name for name in {HEAVY} if name in sys.modules))"
    assert said_by(program) == []
