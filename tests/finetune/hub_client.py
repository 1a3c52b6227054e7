"""Opens splits of the source `hub` in a process of its own, for the clients read their environment when imported.

Reads a JSON list of {task, lang, split, revision?} from standard input; writes a JSON list of {rows, revision,
content}, null for a split that is not there, or {error}.
"""

from __future__ import annotations

import json
import sys
from dataclasses import astuple
from typing import Any

from tasks_of_conf import task_called

from finetune.errors import InputError
from finetune.settings import DataSettings
from finetune.sources import open_split


def answer(task: str, lang: str, split: str, revision: str | None = None) -> dict[str, Any] | None:
    """The rows of a split and what stands for them, or the error."""
    try:
        found = open_split(DataSettings(source="hub", revision=revision), task_called(task), lang, split)
        if found is None:
            return None
        content = found.content()
        return {"rows": [astuple(row) for row in found.rows], "revision": found.revision, "content": content}
    except InputError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    json.dump([answer(**request) for request in json.load(sys.stdin)], sys.stdout)
