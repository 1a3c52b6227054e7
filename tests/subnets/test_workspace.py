"""Files that are whole or not there, folders that belong to one run."""

import errno
import fcntl
import os
import threading
import time

import pytest
import yaml
from composed import settings
from masks import drawn

from pruning.mask_file import About, mask_bytes, mask_parts
from subnets.errors import Busy, InputError
from subnets.workspace import Folder, alone_in, check_kept, check_writable, held, is_held, run_folder


@pytest.fixture
def given(tmp_path):
    return settings("lang=de", "task=ner", f"runs_dir={tmp_path}/runs")


def test_a_write_that_fails_leaves_what_was_there_and_no_litter(tmp_path, monkeypatch):
    folder = Folder(tmp_path)
    folder.write("kept", b"old")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left.*kept"):
        folder.write("kept", b"new")
    assert folder.read("kept") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_parts_land_in_their_places_whatever_their_order(tmp_path):
    Folder(tmp_path).write_parts("x", iter([(2, b"cd"), (0, memoryview(b"ab")), (4, b"e")]))
    assert Folder(tmp_path).read("x") == b"abcde"


def test_a_mask_on_the_disk_is_its_bytes(tmp_path):
    mask, about = drawn(0, 0.5), About("base", "0", "ner", "de", 0)
    Folder(tmp_path).write_parts("mask", mask_parts(mask, about))
    assert Folder(tmp_path).read("mask") == mask_bytes(mask, about)


def test_parts_that_cannot_be_had_leave_what_was_there_and_no_litter(tmp_path):
    def parts():
        yield 8, b"new"
        raise InputError("no header")

    Folder(tmp_path).write("kept", b"old")
    with pytest.raises(InputError, match="no header"):
        Folder(tmp_path).write_parts("kept", parts())
    assert Folder(tmp_path).read("kept") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_json_refuses_what_is_no_number(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        Folder(tmp_path).write_json("x.json", {"score": float("nan")})
    assert not list(tmp_path.iterdir())


def test_damaged_json_names_its_file(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InputError, match=r"x\.json: found no valid JSON .*; delete it to compute it again"):
        Folder(tmp_path).read_json("x.json")


def test_unfinished_files_of_a_dead_process_are_cleared_away(given):
    folder = run_folder(given)
    (folder.path / "rounds/0").mkdir(parents=True)
    left = folder.path / "rounds/0/.mask.safetensors.1.unfinished"
    left.write_bytes(b"half")
    with held(folder, given.identity()):
        assert not left.exists()


def test_a_state_is_cleared_away_once_the_outcome_of_its_training_is_kept(given):
    folder = run_folder(given)
    for name in ("kept", "begun"):
        (folder / name).write("snapshot-1.safetensors", b"state")
    (folder / "kept").write("result.json", b"{}")
    with held(folder, given.identity()):
        assert not (folder / "kept").has("snapshot-1.safetensors")
        assert (folder / "begun").has("snapshot-1.safetensors")


def test_what_another_process_is_writing_in_a_folder_within_is_left_alone(tmp_path):
    left = tmp_path / "report/ner-de/.report.html.1.unfinished"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    with alone_in(Folder(left.parent), waiting=None):
        left.write_bytes(b"half")
        with alone_in(Folder(tmp_path / "report"), waiting=None):
            assert left.exists()


def test_processes_of_one_number_on_two_machines_do_not_write_into_one_file(tmp_path, monkeypatch):
    folder, fsync, seen = Folder(tmp_path), os.fsync, []

    def meeting(file):
        """As the first has written its file and not yet renamed it, the other writes."""
        if not seen:
            seen.append(file)
            folder.write("x", b"theirs")
        fsync(file)

    monkeypatch.setattr(os, "getpid", lambda: 1)
    monkeypatch.setattr(os, "fsync", meeting)
    folder.write("x", b"ours")
    assert folder.read("x") == b"ours"


def test_who_waits_for_another_process_says_so_and_comes_after_it(tmp_path):
    said, order = [], []

    def wait():
        with alone_in(Folder(tmp_path), waiting=said.append):
            order.append("second")

    other = threading.Thread(target=wait)
    with alone_in(Folder(tmp_path), waiting=None):
        other.start()
        while not said:
            time.sleep(0.01)
        order.append("first")
    other.join()
    assert order == ["first", "second"]
    assert said == [f"waiting for another process that works in {tmp_path}"]


@pytest.mark.filterwarnings("ignore:flock not supported")
def test_where_there_is_no_flock_a_folder_is_held_by_one_all_the_same(given, monkeypatch):
    def no_flock(_file, _operation):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", no_flock)
    folder = run_folder(given)
    with held(folder, given.identity()):
        assert is_held(folder)
        with pytest.raises(Busy), held(folder, given.identity()):
            pytest.fail("held twice")
    assert not is_held(folder)


def test_a_folder_is_held_by_one_and_free_afterwards(given):
    folder = run_folder(given)
    with held(folder, given.identity()), pytest.raises(InputError, match="another process"), held(folder, given):
        pytest.fail("held twice")
    with held(folder, given.identity()):
        assert folder.has("settings.yaml")


def changed(folder, **entries):
    kept = yaml.safe_load(folder.read("settings.yaml"))
    folder.write("settings.yaml", yaml.safe_dump({**kept, **entries}).encode())


def test_a_folder_of_other_settings_names_what_differs(given):
    folder = run_folder(given)
    with held(folder, given.identity()):
        pass
    changed(folder, lang="fr", seed=4)
    with pytest.raises(InputError, match=r"other settings \(lang, seed\)"):
        check_kept(folder, given.identity())


def test_a_folder_of_another_version_is_refused(given):
    folder = run_folder(given)
    with held(folder, given.identity()):
        pass
    changed(folder, run_format=0)
    with pytest.raises(InputError, match=r"another version \(run_format 0"), held(folder, given.identity()):
        pytest.fail("went on with a run of another version")


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff\xfe", b"a: b: c", b"!!python/object/apply:os.system ['true']"])
def test_settings_that_are_none_are_refused_and_never_run(given, content):
    folder = run_folder(given)
    folder.write("settings.yaml", content)
    with pytest.raises(InputError, match="not readable"):
        check_kept(folder, given.identity())


def test_a_runs_folder_inside_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="no folder that can be written"):
        check_writable(Folder(tmp_path / "file/runs"))
    check_writable(Folder(tmp_path / "new/runs"))
