"""Hindi: its function words, for the grammar it shares with Urdu."""

from __future__ import annotations

from finetune.fragment.grammars.hindustani import Hindustani
from finetune.fragment.words import Word, lexicon

CAPITALS = False
STOP = Word("।", "PUNCT", ".", glued=True)

_HINDI = Hindustani(
    lexicon=lexicon("hi"),
    determiners={
        "every": ("हर", "हर"), "some": ("एक", "एक"), "no": ("कोई", "किसी"), "the": ("वह", "उस"), "two": ("दो", "दो"),
        "three": ("तीन", "तीन"), "most": ("ज़्यादातर", "ज़्यादातर"),
    },
    participle={"m": "ता", "mp": "ते", "f": "ती", "fp": "ती"},
    be={
        (False, "m"): "है", (False, "f"): "है", (False, "mp"): "हैं", (False, "fp"): "हैं",
        (True, "m"): "था", (True, "f"): "थी", (True, "mp"): "थे", (True, "fp"): "थीं",
    },
    of=("का", "के", "की"),
    doing=("वाला", "वाले", "वाली"),
    object_mark="को",
    inside="में",
    denial="नहीं",
    conjunction="और",
)  # fmt: skip
clause, both = _HINDI.clause, _HINDI.both
