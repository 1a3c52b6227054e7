"""What the fragment can speak of: concepts, the taxonomy they stand in, and the proper names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
NONE = "-"  # an empty cell of a table


@dataclass(frozen=True)
class Concept:
    """A word's meaning, whatever the language.

    Attributes:
        name: unique over all categories.
        category: noun, place, adjective, intransitive or transitive.
        sorts: nouns: their own sort; adjectives and verbs: the sorts of noun they go with.
        parent: the concept just above it in the taxonomy.
        group: concepts of one group exclude each other: what sits does not lie.
        object_sorts: transitive verbs: the sorts of their objects.
    """

    name: str
    category: str
    sorts: frozenset[str]
    parent: str | None
    group: str | None
    object_sorts: frozenset[str]


@dataclass(frozen=True)
class Name:
    """A proper name and what can be called by it; a name of two types is written alike for both.

    Attributes:
        name: in English, which is its key in every lexicon.
        types: of person, place, organisation.
        gender: of the person so called: "f" or "m"; None if no person is.
    """

    name: str
    types: tuple[str, ...]
    gender: str | None


def table_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a tab-separated file with a header, each a dict; lines that begin with # are notes."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    header = lines[0].split("\t")
    return [dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:]]


@cache
def concepts() -> dict[str, Concept]:
    """Every concept by its name, in the order of `concepts.tsv`."""
    return {
        row["concept"]: Concept(
            name=row["concept"],
            category=row["category"],
            sorts=frozenset(row["sort"].split()),
            parent=_filled(row["parent"]),
            group=_filled(row["group"]),
            object_sorts=frozenset((_filled(row["object_sort"]) or "").split()),
        )
        for row in table_rows(HERE / "concepts.tsv")
    }


@cache
def names() -> dict[str, Name]:
    """Every proper name by its English form, in the order of `names.tsv`."""
    return {
        row["name"]: Name(
            name=row["name"],
            types=tuple(kind for kind in ("person", "place", "organisation") if row[kind] != NONE),
            gender=_filled(row["person"]),
        )
        for row in table_rows(HERE / "names.tsv")
    }


@cache
def of_category(category: str) -> tuple[Concept, ...]:
    """All concepts of a category."""
    return tuple(concept for concept in concepts().values() if concept.category == category)


@cache
def lineage(name: str) -> tuple[str, ...]:
    """A concept and all that stand above it, itself first."""
    parent = concepts()[name].parent
    return (name, *(lineage(parent) if parent else ()))


@cache
def narrower(name: str) -> tuple[str, ...]:
    """All concepts below one, at any depth."""
    return tuple(other for other in concepts() if other != name and name in lineage(other))


@cache
def exclude_each_other(left: str, right: str) -> bool:
    """Whether nothing can be both: the two, or what they stand under, are different members of one group."""
    if left in lineage(right) or right in lineage(left):
        return False
    groups = {concepts()[above].group for above in lineage(left)} - {None}
    return any(concepts()[above].group in groups and above not in lineage(left) for above in lineage(right))


def _filled(cell: str) -> str | None:
    return None if cell == NONE else cell
