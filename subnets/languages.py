"""Facts about the languages of the paper: genus, family, script and word order."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from subnets.errors import InputError


@dataclass(frozen=True)
class Language:
    """A language by its ISO 639-1 code, as the World Atlas of Language Structures files it (Dryer and Haspelmath 2013).

    `word_order` is that of subject, object and verb (its feature 81A); `script` the Unicode one its texts are in.
    """

    lang: str
    name: str
    genus: str
    family: str
    script: str
    word_order: str


@cache
def languages() -> Mapping[str, Language]:
    """The languages there are facts about, by code, sorted: those of `languages.tsv`."""
    text = files("subnets").joinpath("languages.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return MappingProxyType({row["lang"]: Language(**row) for row in rows})


def groups_by(feature: str, langs: Collection[str]) -> dict[str, str]:
    """What a feature (`genus`, `family`, `script`, `word_order`) is in each of some languages, sorted by code.

    Raises:
        InputError: no such feature, or a language without an entry.
    """
    features = [field.name for field in fields(Language) if field.name not in ("lang", "name")]
    if feature not in features:
        raise InputError(f"feature: found {feature!r}; choose one of: {', '.join(features)}")
    unknown = sorted(set(langs) - languages().keys())
    if unknown:
        raise InputError(f"languages: nothing is known about {', '.join(unknown)}; there is: {', '.join(languages())}")
    return {lang: getattr(languages()[lang], feature) for lang in sorted(langs)}
