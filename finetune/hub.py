"""The Hugging Face hub, before and after its clients: can it be reached, what does it serve, is that what lies here."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import huggingface_hub
from httpx2 import HTTPError, InvalidURL
from huggingface_hub import constants, get_session
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import logging
from huggingface_hub.utils.tqdm import disable_progress_bars

from finetune.errors import InputError

Kind = Literal["model", "dataset"]
Keys = tuple[str, str]
Found = TypeVar("Found")

SECONDS_TO_ANSWER = 5.0
SECONDS_TO_DESCRIBE = 30.0
SECONDS_BEFORE_RETRY = 2.0
READ_AT_ONCE = 1 << 20
WORDS = {"model": ("model", "model.name", "model.revision"), "dataset": ("data set", "task.hub.path", "data.revision")}

constants.HF_HUB_DISABLE_TELEMETRY = True  # requests say nothing of the user
logging.set_verbosity_error()
disable_progress_bars()


@cache
def check_hub_reachable() -> None:
    """Asks the hub for one answer, once a process; asks nothing where HF_HUB_OFFLINE is set.

    Its clients would take half a minute to give up.

    Raises:
        InputError: the hub does not answer, or answers that it is out of order.
    """
    if constants.HF_HUB_OFFLINE:
        return
    try:
        answer = get_session().head(constants.ENDPOINT, timeout=SECONDS_TO_ANSWER)
        fault = f"answers {answer.status_code}" if answer.is_server_error else None
    except (HTTPError, InvalidURL) as error:
        fault = f"does not answer ({error or type(error).__name__})"
    if fault:
        raise InputError(
            f"the hub at {constants.ENDPOINT} {fault}: set HF_HUB_OFFLINE=1 to use what the cache holds, "
            "or use what you have on disk: data=files data.root=DIR, model.name=DIR"
        )


def asked_twice(ask: Callable[[], Found]) -> Found:
    """What a question to the hub gives; asked once more where the hub is busy or out of order."""
    try:
        return ask()
    except HfHubHTTPError as error:
        if error.response.status_code != 429 and not error.response.is_server_error:
            raise
    time.sleep(SECONDS_BEFORE_RETRY)
    return ask()


def commit_served(kind: Kind, name: str, revision: str | None, *, keys: Keys | None = None) -> str:
    """The commit that a revision (None: main) of a repository stands for now, by the hub's own account.

    `keys` are the settings that name the repository and its revision, where they are not those of `WORDS`.

    Raises:
        InputError: the hub has no such repository or revision, or does not let one in, or is out of order.
    """
    api = huggingface_hub.HfApi()
    ask = api.model_info if kind == "model" else api.dataset_info
    try:
        commit = asked_twice(lambda: ask(name, revision=revision, timeout=SECONDS_TO_DESCRIBE)).sha
    except (HfHubHTTPError, HTTPError, OSError) as error:
        said = refusal(error, kind, name, revision=revision, keys=keys)
        raise InputError(said or f"{name} at {constants.ENDPOINT}: the hub breaks off ({error}); try again") from error
    return str(commit)


def refusal(error: Exception, kind: Kind, name: str, *, revision: str | None, keys: Keys | None = None) -> str | None:
    """What the hub's refusal means, in one line; None where the error is no refusal."""
    at = f"{name} at {constants.ENDPOINT}"
    word, *usual = WORDS[kind]
    key, revision_key = keys or usual
    if isinstance(error, RevisionNotFoundError):
        return f"{revision_key}={revision}: {at} has no such revision"
    if isinstance(error, RepositoryNotFoundError) and not isinstance(error, GatedRepoError):
        return f"{at}: no such {word}, or a private one: check {key}, or set HF_TOKEN"
    if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403):
        return f"{at}: the hub does not let you in: ask for access on the {word}'s page, or set HF_TOKEN"
    if isinstance(error, HfHubHTTPError):
        return f"{at}: the hub answers {error.response.status_code}; try again later"
    return None


@cache
def check_cached(kind: Kind, name: str, commit: str, part: str = "") -> None:
    """Makes sure that the files of a commit lie in the cache as the hub has them; the clients do not look.

    The cache names a file's content by its checksum: SHA-256 for large files, git's for small ones.

    Args:
        kind: of the repository.
        name: of the repository.
        commit: 40 hex digits.
        part: where files lie under folders of this name, they alone are looked at.

    Raises:
        InputError: a file that is not what its name says.
    """
    folder = Path(constants.HF_HUB_CACHE) / f"{kind}s--{name.replace('/', '--')}" / "snapshots" / commit
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    chosen = [path for path in files if part in path.relative_to(folder).parts] or files
    for path in chosen:
        said = path.resolve().name
        if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", said) and said != _checksum(path, git=len(said) == 40):
            raise InputError(
                f"{path}: is not what the hub has (cut off or changed): delete {path.resolve()} and run again online"
            )


def _checksum(path: Path, *, git: bool) -> str:
    digest = hashlib.sha1(usedforsecurity=False) if git else hashlib.sha256()
    if git:
        digest.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while piece := file.read(READ_AT_ONCE):
            digest.update(piece)
    return digest.hexdigest()
