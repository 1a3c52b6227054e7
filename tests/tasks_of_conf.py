"""The tasks of `conf/task/`, for tests."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import TypeAdapter

from finetune.tasks import Task

FOLDER = Path(__file__).resolve().parents[1] / "conf/task"


def task_called(name: str) -> Task:
    """The task that `conf/task/<name>.yaml` describes."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    return TypeAdapter(Task).validate_python(yaml.safe_load(text))
