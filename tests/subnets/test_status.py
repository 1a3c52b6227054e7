"""How far a study is: every state a cell can be in, told apart without disturbing who works in it."""

import multiprocessing

import pytest
from composed import settings

from subnets.cells import CELLS, cell_of, cells_in, clear_failure, note_failure, state_of
from subnets.steps import status
from subnets.workspace import Folder, held, is_held, run_folder, transfer_folder

STUDY = ["experiment=cross_lingual", "task=ner", "study.languages=[de,en]", "study.seeds=[0]", "step=status"]


@pytest.fixture
def runs(tmp_path):
    """A runs folder in which a find of every state but missing lies, by its state."""
    made = {}
    for seed, state in enumerate(("done", "failed", "stopped")):
        given = settings("lang=de", "task=ner", f"seed={seed}", f"runs_dir={tmp_path}/runs")
        with held(run_folder(given), given.identity()):
            pass
        made[state] = run_folder(given)
    made["done"].write_json("results.json", {"controls": {"random": 0, "oneshot": 0}})
    note_failure(made["failed"], f"no data {'x' * 200}", overrides=("lang=de",))
    return tmp_path / "runs"


def shown(capsys, *overrides):
    count = status.run(settings(*overrides))
    return count, capsys.readouterr().out.splitlines()


def test_each_state_is_counted_and_what_is_not_done_listed(runs, capsys):
    running = settings("lang=fr", "task=pos", f"runs_dir={runs}")
    with held(run_folder(running), running.identity()):
        count, lines = shown(capsys, "step=status", f"runs_dir={runs}")
    assert count == 1
    assert lines[0].split() == ["model", "task", "step", "done", "running", "failed", "stopped"]
    assert lines[2].split() == ["mini", "ner", "find", "1", "1", "1"]
    assert lines[3].split() == ["mini", "pos", "find", "1"]
    assert lines[4].split() == ["all", "1", "1", "1", "1"]
    listed = [line.split()[:4] for line in lines[5:]]
    assert listed == [[state, "find", task, lang] for state, task, lang in
                      (("running", "pos", "fr"), ("failed", "ner", "de"), ("stopped", "ner", "de"))]  # fmt: skip
    assert lines[6].endswith(f": no data {'x' * (100 - len('no data '))}")


def test_task_and_language_narrow_it_down(runs, capsys):
    assert shown(capsys, "step=status", f"runs_dir={runs}", "task=pos")[1] == [
        f"status: nothing of it in runs_dir={runs}"
    ]
    assert shown(capsys, "step=status", f"runs_dir={runs}", "lang=fr")[0] == 0
    assert shown(capsys, "step=status", f"runs_dir={runs}", "lang=de+fr")[0] == 1


def test_a_study_shows_what_is_missing_too(tmp_path, capsys):
    where = f"runs_dir={tmp_path}/runs"
    count, lines = shown(capsys, *STUDY, where)
    assert count == 0
    assert [line.split() for line in lines[2:6]] == [
        ["mini", "ner", "find", "2"], ["mini", "ner", "transfer", "4"], ["mini", "ner", "report", "1"], ["all", "7"],
    ]  # fmt: skip
    assert "missing  transfer ner en seed=0 source=de@0.5" in lines
    assert not list(tmp_path.iterdir())  # looking makes nothing
    given = settings(*STUDY, where, "lang=en", "step=find")
    run_folder(given).write_json("results.json", {"controls": {"random": 0, "oneshot": 0}})
    assert shown(capsys, *STUDY, where)[0] == 1
    assert shown(capsys, *STUDY, where, "lang=de")[0] == 0


def test_in_a_sweep_a_cell_is_a_line(runs, capsys):
    import dataclasses

    for lang, state in (("de", "done"), ("sw", "missing")):
        given = settings("step=status", "task=ner", f"lang={lang}", f"runs_dir={runs}")
        status.run(dataclasses.replace(given, in_sweep=True))
        [line] = capsys.readouterr().out.splitlines()
        assert line.split()[:5] == [state, "find", "ner", lang, "seed=0"]


def test_a_failure_stands_until_the_cell_succeeds(tmp_path):
    given = settings("lang=de", "task=ner", f"runs_dir={tmp_path}/runs")
    note_failure(run_folder(given), "no data", overrides=())
    assert (cell_of(given).state, cell_of(given).message) == ("failed", "no data")
    run_folder(given).write_json("results.json", {"controls": {"random": 0, "oneshot": 0}})
    assert cell_of(given).state == "failed"
    clear_failure(given)
    assert (cell_of(given).state, cell_of(given).message) == ("done", "")


def test_damaged_notes_are_said_to_be(tmp_path):
    given = settings("lang=de", "task=ner", f"runs_dir={tmp_path}/runs")
    for content in (b"{", b"[]", b"{}"):
        run_folder(given).write("failed.json", content)
        assert cell_of(given).message == "failed.json cannot be read"


def test_looking_sees_another_process_disturbs_it_not_and_leaves_nothing(tmp_path):
    folder = Folder(tmp_path / "cell")
    assert not is_held(folder)
    assert not folder.path.exists()
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_holding, args=(folder, theirs))
    process.start()
    assert ours.recv() == "held"
    assert all(is_held(folder) for _ in range(20))
    ours.send("go")
    assert ours.recv() == "let go"
    process.join()
    assert not is_held(folder)
    assert state_of(folder, "find") == "stopped"


def _holding(folder, pipe):
    with held(folder, {"seed": 0}):
        pipe.send("held")
        pipe.recv()
    pipe.send("let go")


@pytest.mark.parametrize("step", [name for name, kept in CELLS.items() if kept.places])
def test_the_folder_of_a_cell_lies_where_status_looks_for_it(tmp_path, step):
    given = settings(f"step={step}", "lang=de", "task=mlm", "source=en", f"runs_dir={tmp_path}")
    expected = cell_of(given)
    expected.folder.write_json(CELLS[step].finished, {"controls": []})
    [found] = [cell for cell in cells_in(str(tmp_path)) if cell.step == step]
    lang = "de-en" if step in ("retrieve", "correlate") else "de"  # parallel sentences are of a language and its pivot
    assert (found.folder, found.lang, found.state) == (expected.folder, lang, "done")


def test_transfers_differ_by_source_and_mode_but_not_by_their_baselines(tmp_path):
    base = ["lang=de", "task=ner", f"runs_dir={tmp_path}"]
    folders = [
        transfer_folder(settings(*base, *more)).path.name
        for more in (["source=en"], ["source=fr"], ["source=en", "source.sparsity=0.5"], ["source=en", "source.seed=1"],
                     ["source=en", "transfer.mode=frozen"])
    ]  # fmt: skip
    assert len(set(folders)) == 5
    same = settings(*base, "source=en", "transfer.baselines=[dense]")
    assert transfer_folder(same).path.name == folders[0]
    assert run_folder(settings(*base, "source=en")) == run_folder(settings(*base))
