"""What a task is: its columns, its labels, its metric, and where the hub keeps it. One YAML in `conf/task/` each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from finetune.errors import InputError

Kind = Literal["sentence", "token", "mlm"]


@dataclass(frozen=True)
class HubData:
    """Where a task's data set stands on the Hugging Face hub."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    path: str
    config: str = "{lang}"
    configs: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[str, str] = field(
        default_factory=lambda: {"train": "train", "validation": "validation", "test": "test"}
    )

    def config_of(self, lang: str) -> str:
        """The data set's configuration for a language, by table where there is one, else by pattern."""
        if self.configs and lang not in self.configs:
            known = ", ".join(sorted(self.configs))
            raise InputError(f"lang={lang}: {self.path} has no data for it here; languages it has: {known}")
        return self.configs.get(lang, self.config.format(lang=lang))


@dataclass(frozen=True)
class Task:
    """A task: `sentence` (one label for one or two texts), `token` (one label a word) or `mlm` (no labels)."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: str
    kind: Kind
    columns: tuple[str, ...]
    metric: str
    hub: HubData
    label_column: str | None = None
    labels: tuple[str, ...] = ()

    def label_id(self, label: str | int, *, where: str) -> int:
        """The index of a label given by name or by the hub's integer.

        Raises:
            InputError: the label is not in the task's set; `where` names the file and line.
        """
        if isinstance(label, int) and 0 <= label < len(self.labels):
            return label
        if label in self.labels:
            return self.labels.index(str(label))
        raise InputError(
            f"{where}: label {label!r} is not one of {self.name}'s labels; allowed: {', '.join(self.labels)}"
        )
