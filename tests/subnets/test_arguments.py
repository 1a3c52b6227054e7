"""What is typed, and what Hydra reads: the values a step gets are those the user meant."""

import pytest
from composed import settings
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from subnets.arguments import for_hydra, key_of, quoted

ALONE = {
    "source=en": "source.mask='en'",
    "source=en & fr": "source.mask='en & fr'",
    "source.mask=core(en,fr) - de": "source.mask='core(en,fr) - de'",
    "source='en | fr'": "source.mask='en | fr'",
    'source="en,fr"': 'source.mask="en,fr"',
    "source=en,fr": "source.mask='en,fr'",  # not a sweep: left for the expression's reader to complain of
    "source=null": "source.mask=null",
    "source=": "source.mask=",
    "export.mask=de@0.5": "export.mask='de@0.5'",
    "source.task=ner": "source.task=ner",
    "experiment=[foroutan2022,overlap]": "experiment@_global_=[foroutan2022,overlap]",
    "lang=de": "lang=de",
    "--help": "--help",
}
SWEPT = {
    "source=en,fr": "source.mask='en','fr'",
    "source=en,core(en,fr) - de,\"fr & zh\"": "source.mask='en','core(en,fr) - de',\"fr & zh\"",
    "source=2 of (en, fr, zh), de": "source.mask='2 of (en, fr, zh)','de'",
    "source='a,b',c": "source.mask='a,b','c'",
    "export.mask=~en,fr": "export.mask='~en','fr'",
    "experiment=overlap,cross_task": "experiment@_global_=overlap,cross_task",
    "lang=de,en": "lang=de,en",
}  # fmt: skip


@pytest.mark.parametrize("typed", ALONE)
def test_short_names_are_written_in_full_and_expressions_quoted(typed):
    assert for_hydra([typed]) == [ALONE[typed]]


@pytest.mark.parametrize("typed", SWEPT)
@pytest.mark.parametrize("flag", ["-m", "--multirun", "hydra.mode=MULTIRUN"])
def test_in_a_sweep_commas_outside_of_brackets_and_quotes_part_expressions(typed, flag):
    assert for_hydra([flag, typed]) == [flag, SWEPT[typed]]


@pytest.mark.parametrize("typed", SWEPT)
def test_what_was_rewritten_stays_as_it_is(typed):
    once = for_hydra(["-m", typed])
    assert for_hydra(once) == once


@given(st.text(alphabet="ab'\"\\ &(),", min_size=1))
def test_hydra_reads_back_any_text_that_was_quoted(text):
    quotes = quoted(f"x{text}")  # not in quotes itself
    [override] = OverridesParser.create().parse_overrides([f"key={quotes}"])
    assert override.value() == f"x{text}"


@pytest.mark.parametrize(
    ("override", "key"),
    [("lang=de", "lang"), ("++a.b=1", "a.b"), ("~controls", "controls"), ("experiment@_global_=x", "experiment")],
)
def test_the_key_of_an_override(override, key):
    assert key_of(override) == key


def test_a_source_reaches_its_setting():
    given = settings("lang=de", "task=ner", "source=core(en,fr) - de")
    assert given.source.mask == "core(en,fr) - de"
