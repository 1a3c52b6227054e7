"""Facts about languages."""

import pytest

from subnets.errors import InputError
from subnets.languages import groups_by, languages


def test_the_papers_languages_are_known():
    assert list(languages()) == ["ar", "de", "en", "es", "fa", "fr", "hi", "ru", "sw", "ur", "zh"]
    assert all(all(vars(language).values()) for language in languages().values())


def test_languages_fall_into_groups():
    assert groups_by("family", ["zh", "fa", "ar"]) == {
        "ar": "Afro-Asiatic",
        "fa": "Indo-European",
        "zh": "Sino-Tibetan",
    }
    assert groups_by("genus", ["es", "fr"]) == {"es": "Romance", "fr": "Romance"}
    assert groups_by("script", ["ur", "hi"]) == {"hi": "Devanagari", "ur": "Arabic"}
    assert groups_by("word_order", ["hi", "sw"]) == {"hi": "SOV", "sw": "SVO"}


def test_what_is_unknown_is_refused():
    with pytest.raises(InputError, match="feature: found 'name'; choose one of: genus, family, script, word_order"):
        groups_by("name", ["en"])
    with pytest.raises(InputError, match="languages: nothing is known about xx; there is: ar, de"):
        groups_by("genus", ["en", "xx"])
