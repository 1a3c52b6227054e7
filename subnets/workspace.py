"""Runs on disk: which folder a run has, how files are written whole or not at all, and who may write."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

import pruning.errors
from pruning.plain_json import json_object, shown
from subnets.errors import Busy, InputError
from subnets.plain_yaml import plain_yaml
from subnets.settings import EVERY, Settings, short_hash

SETTINGS, LOCK = "settings.yaml", ".lock"
RESULT, RESULTS = "result.json", "results.json"  # of a training in a folder of its own; of a run
STATES = "snapshot*.safetensors"  # of a training that lasts, a file a rank
PATIENCE = 0.5  # seconds: whoever only looks whether a folder is held holds it for a moment
LONGEST_LABEL = 40  # characters of an expression in a folder's name
RUN_FORMAT = 1  # raised when a run of an older version could not be gone on with
# Bytes; ours have a few thousand. What a text holds can take thirty times its length in memory, and YAML seconds.
LARGEST_SETTINGS, LARGEST_JSON = 1 << 15, 1 << 20


@dataclass(frozen=True)
class Folder:
    """A folder of results. A file in it is finished: it appears under its name only once it is whole."""

    path: Path

    def __truediv__(self, name: str) -> Folder:
        return Folder(self.path / name)

    def has(self, name: str) -> bool:
        """Whether a file is finished."""
        return (self.path / name).is_file()

    def write(self, name: str, *pieces: bytes | memoryview) -> None:
        """Writes a file, piece after piece, as `write_parts`. Raises as it does."""
        places = accumulate((memoryview(piece).nbytes for piece in pieces), initial=0)
        self.write_parts(name, zip(places, pieces, strict=False))

    def write_parts(self, name: str, parts: Iterable[tuple[int, bytes | memoryview]]) -> None:
        """Writes a file under another name, flushes it to the disk, and renames it.

        Args:
            name: of the file.
            parts: what to write, each with its place, which together fill the file; computed as they are written.

        Raises:
            OSError: the folder cannot be written or the disk is full; nothing that stood there before is changed.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        # Drawn, as processes on other machines, or in other containers, have the same number.
        unfinished = self.path / f".{name}.{secrets.token_hex(8)}.unfinished"
        try:
            with unfinished.open("xb") as file:
                for place, part in parts:
                    file.seek(place)
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self.path / name)
        except OSError as problem:
            problem.filename = problem.filename or str(self.path / name)  # a full disk does not say which
            raise
        finally:
            unfinished.unlink(missing_ok=True)
        _flush_folder(self.path)

    def write_json(self, name: str, value: Any) -> None:
        """Writes a value as JSON, keys in their order, without NaN."""
        self.write(name, (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())

    def read(self, name: str) -> bytes:
        """A finished file."""
        return (self.path / name).read_bytes()

    def read_json(self, name: str) -> dict[str, Any]:
        """The object in a finished JSON file.

        Raises:
            InputError: it is none that `write_json` writes.
        """
        where = self.path / name
        try:
            found = json_object(self._read_small(name, limit=LARGEST_JSON), where=str(where))
            json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is fine in JSON, but it is no text
            return found
        except pruning.errors.InputError as problem:
            raise InputError(f"{problem}; delete it to compute it again") from None
        except ValueError as problem:
            raise InputError(f"{where}: {problem}; delete it to compute it again") from None

    def read_settings(self) -> dict[str, Any]:
        """What `settings.yaml` holds.

        Raises:
            ValueError: it is not there, or not that of a run; what is wrong.
        """
        try:
            found = plain_yaml(self._read_small(SETTINGS, limit=LARGEST_SETTINGS))
        except OSError as problem:
            raise ValueError(problem.strerror or str(problem)) from None
        if not isinstance(found, dict):
            raise ValueError(f"found a {type(found).__name__}; expected settings by name")
        return found

    def _read_small(self, name: str, *, limit: int) -> bytes:
        """A finished file of at most `limit` bytes; no more than these are read."""
        with (self.path / name).open("rb") as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise ValueError(f"found more than the {limit} bytes that such a file has at most")
        return content


def run_folder(settings: Settings) -> Folder:
    """Where a run is kept: runs/<model>/<task>/<lang>/seed<k>-<hash of what can change a number>/."""
    return _place(settings) / f"seed{settings.seed}-{short_hash(settings.identity())}"


def dense_folder(settings: Settings) -> Folder:
    """Where a dense run is kept: runs/<model>/<task>/<lang>/dense/, shared by all runs that differ in pruning only."""
    return _place(settings) / "dense" / f"seed{settings.seed}-{short_hash(settings.dense_identity())}"


def transfer_folder(settings: Settings) -> Folder:
    """Where a transfer is kept: runs/<model>/<task>/<lang>/transfer/seed<k>-<hash>/."""
    return _place(settings) / "transfer" / f"seed{settings.seed}-{short_hash(settings.transfer_identity())}"


def subnetwork_folder(settings: Settings, digest: str, *, trained_on: str | None) -> Folder:
    """Where a sub-network of a language is kept, by its mask: .../subnetworks/seed<k>-<hash>/<16 digits of the mask>/.

    `trained_on` is the language whose examples it saw, None for none. Every transfer and baseline that comes to the
    same training finds it there.
    """
    identity = settings.dense_identity() | {"trained_on": trained_on}
    return _place(settings) / "subnetworks" / f"seed{settings.seed}-{short_hash(identity)}" / digest[:16]


def parallel_folder(settings: Settings, step: str) -> Folder:
    """Where one over parallel sentences is kept: runs/<model>/<task>/<step>/<lang>-<pivot>/<source>-<hash>/."""
    root = Path(settings.runs_dir).expanduser() / settings.model_label / settings.task.name / step
    source = re.sub(r"[^\w.+]+", "-", settings.source.mask or settings.lang).strip("-._+")[:LONGEST_LABEL] or "mask"
    place = root / f"{settings.lang}-{settings.parallel.pivot}"
    return Folder(place / f"{source}-{short_hash(settings.parallel_identity(step))}")


def seen_folder(settings: Settings, step: str, identity: dict[str, Any], *, digest: str) -> Folder:
    """Where what a mask makes of parallel sentences is kept, by its digest, for whatever task, source and seed comes.

    runs/<model>/parallel/<lang>-<pivot>/<step>-<hash>/<16 digits of the mask>/.
    """
    root = Folder(Path(settings.runs_dir).expanduser()) / settings.model_label / "parallel"
    return root / f"{settings.lang}-{settings.parallel.pivot}" / f"{step}-{short_hash(identity)}" / digest[:16]


def pretraining_folder(settings: Settings) -> Folder:
    """Where a pre-training is kept: runs/pretrained/<langs>/seed<k>-<hash>/."""
    root = Folder(Path(settings.runs_dir).expanduser()) / "pretrained" / settings.lang
    return root / f"seed{settings.seed}-{short_hash(settings.pretrain_identity())}"


def comparison_folder(settings: Settings) -> Folder:
    """Where a comparison is kept: runs/<model>/<task>/compare/<langs>/."""
    root = Path(settings.runs_dir).expanduser()
    return Folder(root / settings.model_label / settings.task.name / "compare" / settings.lang)


def report_folder(settings: Settings) -> Folder:
    """Where a report is kept: runs/report/, or runs/report/<task>-<langs>/ where one asked for less than everything."""
    root = Folder(Path(settings.runs_dir).expanduser()) / "report"
    task = "all" if settings.every_task else settings.task.name
    return root if (task, settings.lang) == ("all", EVERY) else root / f"{task}-{settings.lang}"


def text_of(path: str) -> str:
    """A text file that a setting names.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        return Path(path).expanduser().read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise InputError(f"{path}: {problem.strerror or problem}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8") from None


@contextmanager
def new_folder(path: Path, *, key: str) -> Iterator[Path]:
    """A folder to fill, that stands under its name only once it is whole: whatever interrupts, nothing is left.

    Raises:
        InputError: something stands there already (an empty folder is taken), or no folder can be made there;
            `key` is the setting that named it.
    """
    check_new(path, key=key)
    unfinished = path.parent / f".{path.name}.{secrets.token_hex(8)}.unfinished"
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        for file in sorted(each for each in unfinished.rglob("*") if each.is_file()):
            with file.open("rb") as written:
                os.fsync(written.fileno())
        check_new(path, key=key)
        unfinished.replace(path)
        _flush_folder(path.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def check_new(path: Path, *, key: str) -> None:
    """Makes sure that a folder is still to be made, or empty, and can be made.

    Raises:
        InputError: it is neither, or cannot.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise InputError(f"{key}={path}: found something that is no folder; name one that does not exist yet")
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise InputError(f"{key}={path}: {there} is no folder that can be written")
    if path.exists() and any(path.iterdir()):
        raise InputError(f"{key}={path}: the folder is not empty; name one that does not exist yet, or empty it")


def check_writable(folder: Folder) -> None:
    """Makes sure, before anything costly is done, that a folder could be made and written.

    Raises:
        InputError: it could not.
    """
    there = next(path for path in (folder.path, *folder.path.absolute().parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise InputError(f"runs_dir: {there} is no folder that can be written; choose another runs_dir")


def check_kept(folder: Folder, identity: dict[str, Any]) -> None:
    """Makes sure that a folder, where it exists, is that of the settings in `identity`.

    Raises:
        InputError: it belongs to other settings, or was made by another version.
    """
    mine = {"run_format": RUN_FORMAT, **identity}
    if not folder.has(SETTINGS):
        return
    where = folder.path / SETTINGS
    try:
        found = folder.read_settings()
    except ValueError as problem:
        raise InputError(
            f"{where}: not readable ({problem}); delete the run folder or choose another runs_dir"
        ) from None
    if found.get("run_format") != RUN_FORMAT:
        raise InputError(
            f"{where}: the run was made by another version (run_format {shown(found.get('run_format'))}, "
            f"this one writes {RUN_FORMAT}); choose another runs_dir or delete it"
        )
    if others := differing(found, mine):
        raise InputError(
            f"{where}: the run was made by other settings ({', '.join(others)}); choose another runs_dir or delete it"
        )


def flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their dotted keys."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from flat(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value


def differing(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[str]:
    """The dotted keys in which settings or the like differ, sorted; what is not there, as it is off, is None."""
    one, other = dict(flat(left)), dict(flat(right))
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


@contextmanager
def held(folder: Folder, identity: dict[str, Any], waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Within, the folder is that of the settings in `identity` and no other process works in it; else as `alone_in`.

    Raises:
        Busy: another process holds it, and there is no `waiting`.
        InputError: it belongs to other settings, or it cannot be written.
    """
    with alone_in(folder, waiting=waiting):
        check_kept(folder, identity)
        if not folder.has(SETTINGS):
            text = yaml.safe_dump({"run_format": RUN_FORMAT, **identity}, sort_keys=False, allow_unicode=True)
            folder.write(SETTINGS, text.encode())
        yield


@contextmanager
def alone_in(folder: Folder, waiting: Callable[[str], None] | None) -> Iterator[None]:
    """Within, no other process works in a folder, and nothing lies there that one left unfinished as it died.

    The lock of a process that died is no lock. Whoever waited for another process finds what that one finished.

    Args:
        folder: is made where it is not there.
        waiting: is told that another process is waited for; None: none is waited for.

    Raises:
        Busy: another process holds it, and there is no `waiting`.
        InputError: it cannot be written.
    """
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.path / LOCK)
        try:
            lock.acquire(timeout=PATIENCE)
        except Timeout:
            if waiting is None:
                raise
            waiting(f"waiting for another process that works in {folder.path}")
            lock.acquire()
    except Timeout:
        raise Busy(f"{folder.path}: another process is working on this run; wait for it, or stop it") from None
    except OSError as problem:
        raise InputError(f"runs_dir: {folder.path} cannot be written: {problem.strerror or problem}") from None
    try:
        for left in _leftovers(folder.path):
            left.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def drop_states(folder: Folder) -> None:
    """Removes the states of a training, of all ranks: it is done, and its outcome is kept."""
    for state in folder.path.glob(STATES):
        state.unlink(missing_ok=True)


def is_held(folder: Folder) -> bool:
    """Whether a process is at work in a folder. Looking neither disturbs it nor leaves anything behind."""
    try:
        file = os.open(folder.path / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as problem:
        # Without flock the file itself is the lock, and gone when nobody has it.
        return problem.errno in (errno.EACCES, errno.EAGAIN, errno.ENOSYS)
    finally:
        os.close(file)
    return False


def _leftovers(path: Path) -> list[Path]:
    """What a process that died left: files that it had not finished, and states of trainings whose outcome is kept."""
    states = [s for s in path.rglob(STATES) if any((s.parent / name).is_file() for name in (RESULT, RESULTS))]
    left = [*(file for file in path.rglob(".*.unfinished") if file.is_file()), *states]
    within = {each.parent for each in path.rglob(LOCK)} - {path}  # folders that others may be at work in
    return [each for each in left if within.isdisjoint(each.parents)]


def _place(settings: Settings) -> Folder:
    root = Path(settings.runs_dir).expanduser()
    return Folder(root / settings.model_label / settings.task.name / settings.lang)


def _flush_folder(path: Path) -> None:
    """Makes a rename last through a power cut."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
