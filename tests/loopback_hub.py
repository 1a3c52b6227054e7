"""A small Hugging Face hub on the loopback address: real HTTP for the real clients, with faults on demand."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

Fault = Literal["truncated", "altered", "slow", "stalled", "vanished", "down"] | int | None
OF_FILES = ("truncated", "altered", "slow", "stalled", "vanished")  # faults of the bodies of files alone
SLOW = 0.3  # seconds between the pieces of a slow body
STALLED = 60.0  # seconds that a stalled one says nothing, unless the server ends

ROUTES = {
    "file": re.compile(r"/(?P<kind>datasets/)?(?P<repo>.+?)/resolve/(?P<revision>[^/]+)/(?P<path>.+)"),
    "tree": re.compile(r"/api/(?P<kind>datasets|models)/(?P<repo>.+?)/tree/(?P<revision>[^/]+)(?:/(?P<path>.+))?"),
    "about": re.compile(r"/api/(?P<kind>datasets|models)/(?P<repo>.+?)(?:/revision/(?P<revision>[^/]+))?"),
}
FAULT_HEADERS = {
    403: {"X-Error-Code": "GatedRepo"},
    404: {"X-Error-Code": "RepoNotFound"},
    429: {"Retry-After": "1"},
}


class LoopbackHub:
    """Serves `<folder>/{datasets,models}/<owner>/<name>/` as repositories, each with one commit on `main`.

    Attributes:
        fault: a status to answer every request for a repository with; "truncated" to break off every file, "altered"
            to change a byte of it, "slow" to send it in pieces, "stalled" to stop in the middle, "vanished" to close
            the connection without an answer; "down" to answer 503 to whatever is asked; or None.
        faults_left: how many more requests the fault befalls; None for all.
        requests: method and path of every request so far.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fault: Fault = None
        self.faults_left: int | None = None
        self.requests: list[str] = []
        self.over = threading.Event()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator[LoopbackHub]:
        """Answers requests until the block ends; afterwards nothing listens at the address."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    @contextmanager
    def failing(self, fault: Fault, *, times: int | None = None) -> Iterator[None]:
        """Answers with a fault inside the block: every time, or the first `times`."""
        self.fault, self.faults_left = fault, times
        try:
            yield
        finally:
            self.fault, self.faults_left = None, None

    def commit_of(self, repository: str) -> str:
        """The commit served for a repository, given as `datasets/<id>` or `models/<id>`: a hash of its files."""
        digest = hashlib.sha1(usedforsecurity=False)
        for path in self.files_of(repository):
            digest.update(path.encode() + (self.folder / repository / path).read_bytes())
        return digest.hexdigest()

    def files_of(self, repository: str) -> list[str]:
        """Paths of a repository's files, inside it."""
        root = self.folder / repository
        return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())

    def next_fault(self, command: str, route: str) -> Fault:
        """The fault that a request for a `file`, `tree` or `about` meets, counted off."""
        if self.faults_left == 0 or (self.fault in OF_FILES and (command, route) != ("GET", "file")):
            return None
        if self.faults_left is not None:
            self.faults_left -= 1
        return self.fault


def hub_environment(endpoint: str, cache: Path, *, offline: bool = False) -> dict[str, str]:
    """What a process needs in its environment, before it imports a client, to speak to this hub and no other."""
    return {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(cache),
        "HF_HUB_OFFLINE": "1" if offline else "0",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "NO_PROXY": "127.0.0.1",
    }


class _Handler(BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Says nothing: `requests` holds the log."""

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        self.hub.requests.append(f"{self.command} {path}")
        if self.hub.fault == "down":
            return self._send(503, b"")
        for name, pattern in ROUTES.items():
            asked = pattern.fullmatch(path)
            if asked:
                fault = self.hub.next_fault(self.command, name)
                return self._fail(fault) if isinstance(fault, int) else self._route(name, asked, fault)
        return self._send(200, b"")

    def _fail(self, status: int) -> None:
        self._send(status, b"{}", FAULT_HEADERS.get(status, {}))

    def _route(self, name: str, asked: re.Match[str], fault: Fault) -> None:
        repository = f"{(asked['kind'] or 'models').rstrip('/')}/{asked['repo']}"
        if not (self.hub.folder / repository).is_dir():
            return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        commit = self.hub.commit_of(repository)
        if asked["revision"] not in (None, "main", commit):
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        if name == "about":
            return self._send_json(self._about(repository, commit))
        if name == "tree":
            return self._send_tree(repository, asked["path"] or "")
        return self._send_file(repository, commit, asked["path"], fault)

    def _about(self, repository: str, commit: str) -> dict[str, Any]:
        return {
            "_id": commit[:24],
            "id": repository.partition("/")[2],
            "sha": commit,
            "private": False,
            "gated": False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "siblings": [{"rfilename": path} for path in self.hub.files_of(repository)],
            "lastModified": "2024-01-01T00:00:00.000Z",
            "createdAt": "2024-01-01T00:00:00.000Z",
        }

    def _send_tree(self, repository: str, folder: str) -> None:
        root = self.hub.folder / repository
        if not (root / folder).is_dir():
            return self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})
        entries = (root / folder).rglob("*") if "recursive=true" in self.path.lower() else (root / folder).iterdir()
        return self._send_json(
            [
                {
                    "type": "directory" if entry.is_dir() else "file",
                    "path": entry.relative_to(root).as_posix(),
                    "size": entry.stat().st_size,
                    "oid": hashlib.sha1(str(entry).encode(), usedforsecurity=False).hexdigest(),
                }
                for entry in sorted(entries)
            ]
        )

    def _send_file(self, repository: str, commit: str, path: str, fault: Fault) -> None:
        file = self.hub.folder / repository / path
        if not file.is_file():
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        body = file.read_bytes()
        headers = {
            "ETag": f'"{hashlib.sha256(body).hexdigest()}"',
            "X-Repo-Commit": commit,
            "Accept-Ranges": "bytes",
        }
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted:
            return self._send(200, body, headers, fault=fault)
        first, last = int(wanted[1]), min(int(wanted[2] or len(body)), len(body) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
        return self._send(206, body[first : last + 1], headers, fault=fault)

    def _send_json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None, *, fault: Fault = None) -> None:
        if fault == "vanished":
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(body, fault)

    def _send_body(self, body: bytes, fault: Fault) -> None:
        half = len(body) // 2
        if fault == "altered":
            body = body[:half] + bytes([body[half] ^ 1]) + body[half + 1 :]
        if fault in ("truncated", "stalled"):
            self.wfile.write(body[:half])
            self.wfile.flush()
            self.hub.over.wait(STALLED if fault == "stalled" else 0)
            self.close_connection = True
        elif fault == "slow":
            for first in range(0, len(body), half // 2 + 1):
                time.sleep(SLOW)
                self.wfile.write(body[first : first + half // 2 + 1])
                self.wfile.flush()
        else:
            self.wfile.write(body)
