"""What is imported late is kept from the collector, which is left as it was found."""

import subprocess
import sys
import textwrap


def said_by(program, folder):
    (folder / "heavy.py").write_text("import gc\nCOLLECTS = gc.isenabled()\n")
    (folder / "broken.py").write_text("raise ImportError('as asked')\n")
    ran = subprocess.run(
        [sys.executable, "-c", "import gc, weakref\nfrom subnets.late import imported\n" + textwrap.dedent(program)],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": f"{folder}:."},
    )  # fmt: skip
    return ran.stdout.split()


def test_nothing_is_collected_during_an_import_and_its_objects_are_kept(tmp_path):
    program = "print(imported('heavy').COLLECTS, gc.isenabled(), gc.get_freeze_count() > 1000)"
    assert said_by(program, tmp_path) == ["False", "True", "True"]


def test_after_an_import_that_fails_the_collector_works(tmp_path):
    program = """
        try:
            imported('broken')
        except ImportError as problem:
            print(problem, gc.isenabled())
    """
    assert said_by(program, tmp_path) == ["as", "asked", "True"]


def test_garbage_made_between_two_imports_is_collected(tmp_path):
    program = """
        class Cell: pass
        imported('heavy')
        cell = Cell()
        cell.self = cell
        gone = weakref.ref(cell)
        gc.disable()
        del cell
        imported('csv')
        gc.collect()
        print(gone() is None)
    """
    assert said_by(program, tmp_path) == ["True"]
