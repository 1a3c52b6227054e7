"""Swahili: noun classes with concord on everything; what lives takes the concord of classes 1 and 2."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from finetune.fragment.concepts import NONE
from finetune.fragment.meaning import Clause, Phrase, name_of, plural
from finetune.fragment.scenes import sorts_of
from finetune.fragment.words import Word, features, lexicon, name_words

LEXICON = lexicon("sw")
CAPITALS = True
STOP = Word(".", "PUNCT", ".", glued=True)

Words = tuple[Word, ...]


class Concord(NamedTuple):
    """How words agree with a noun of a class.

    Attributes:
        subject: prefix of the verb: A-nalala.
        relative: inside a relative verb: ana-YE-lala.
        of: the connective: WA kijani.
        that: the demonstrative: mbwa YULE.
        any: "any" under negation: mbwa YEYOTE.
        most: "the many": mbwa WALIO WENGI; plurals only.
        having: "with": MWENYE njaa.
        adjective: prefix of a stem that begins with a consonant; None: the stem has a form of its own.
        adjective_vowel: prefix of a stem that begins with a vowel.
        numeral: prefix of a numeral; plurals only.
    """

    subject: str
    relative: str
    of: str
    that: str
    any: str
    most: str
    having: str
    adjective: str | None
    adjective_vowel: str
    numeral: str


CONCORDS = {
    1: Concord("a", "ye", "wa", "yule", "yeyote", "", "mwenye", "m", "mw", ""),
    2: Concord("wa", "o", "wa", "wale", "wowote", "walio wengi", "wenye", "wa", "w", "wa"),
    3: Concord("u", "o", "wa", "ule", "wowote", "", "wenye", "m", "mw", ""),
    4: Concord("i", "yo", "ya", "ile", "yoyote", "iliyo mingi", "yenye", "mi", "my", "mi"),
    5: Concord("li", "lo", "la", "lile", "lolote", "", "lenye", "", "j", ""),
    6: Concord("ya", "yo", "ya", "yale", "yoyote", "yaliyo mengi", "yenye", "ma", "m", "ma"),
    7: Concord("ki", "cho", "cha", "kile", "chochote", "", "chenye", "ki", "ch", ""),
    8: Concord("vi", "vyo", "vya", "vile", "vyovyote", "vilivyo vingi", "vyenye", "vi", "vy", "vi"),
    9: Concord("i", "yo", "ya", "ile", "yoyote", "", "yenye", None, "ny", ""),
    10: Concord("zi", "zo", "za", "zile", "zozote", "zilizo nyingi", "zenye", None, "ny", ""),
}
NUMERALS = {"two": "wili", "three": "tatu"}
NASAL_NUMERALS = {"two": "mbili", "three": "tatu"}  # of class 10
EAT = "kula"  # its infinitive prefix stays where the stem would have but one syllable


def both(first: Words, second: Words) -> Words:
    """Two clauses joined by "na"."""
    return (*first, Word("na", "CCONJ", "and"), *second)


def clause(said: Clause) -> Words:
    """Subject, verb, object, place: "mbwa yule anamwona Sofia katika bustani"; "hakuna mbwa anayelala"."""
    quantifier = said.subject.quantifier
    noun_class = _class_of(said.subject)
    marker = _object_marker(said.object) if said.object else ""
    negative = said.negative or (said.object is not None and said.object.quantifier == "no")
    words = _phrase(said.subject, past=said.past)
    if quantifier == "no":
        words = (*_there_is_no(said.past), *words, *_relative(said.verb, noun_class, said.past, marker))
    else:
        words += _verb(said.verb, noun_class, said.past, negative, marker)
    if said.object:
        words += _phrase(said.object, past=False, object_=True)
    if said.place:
        words += (Word("katika", "ADP", "in"), *_place(said.place))
    return words


@cache
def _class_of(phrase: Phrase) -> int:
    """The noun class, of names too: persons 1, organisations 9."""
    if phrase.quantifier == "name":
        return 1 if sorts_of(phrase.head) == {"person"} else 9
    return int(LEXICON[phrase.head]["class"]) + plural(phrase.quantifier)


@cache
def _object_marker(phrase: Phrase) -> str:
    """What a verb says of an object that lives: ana-M-penda, ana-WA-penda."""
    if not sorts_of(phrase.head) <= {"person", "animal"}:
        return ""
    return "wa" if plural(phrase.quantifier) else "m"


@cache
def _phrase(phrase: Phrase, *, past: bool, object_: bool = False) -> Words:
    """Noun, adjective, determiner, modifier; "kila" comes first: "mbwa wekundu wawili kutoka Lima"."""
    noun_class = _class_of(phrase)
    if phrase.quantifier == "name":
        kind, name = name_of(phrase.head)
        return name_words(LEXICON[name]["form"], kind, name, marks=_marks(noun_class))
    words: Words = ()
    if phrase.quantifier == "every":
        words = (Word("kila", "DET", "every", features(PronType="Tot")),)
    words += _noun(phrase.head, "plural" if plural(phrase.quantifier) else "form", noun_class)
    if phrase.adjective:
        words += _adjective(phrase.adjective, noun_class)
    words += _determiner(phrase.quantifier, noun_class, object_)
    if phrase.origin:
        words += (Word("kutoka", "ADP", "from"), *_place(phrase.origin))
    if phrase.doing:
        words += _relative(phrase.doing, noun_class, past, "")
    return words


def _noun(noun: str, column: str, noun_class: int) -> Words:
    """A noun, perhaps with another after it: "shirika la ndege"."""
    first, *rest = LEXICON[noun][column].split(" ")
    after = tuple(Word(word, "ADP" if len(word) <= 3 else "NOUN", noun) for word in rest)
    return (Word(first, "NOUN", noun, _marks(noun_class)), *after)


def _determiner(quantifier: str, noun_class: int, object_: bool) -> Words:
    concord = CONCORDS[noun_class]
    marks = _marks(noun_class)
    if quantifier == "the":
        return (Word(concord.that, "DET", "the", _marks(noun_class, PronType="Dem")),)
    if quantifier == "some":
        return (Word("fulani", "DET", "some", features(PronType="Ind")),)
    if quantifier == "no" and object_:
        return (Word(concord.any, "DET", "any", _marks(noun_class, PronType="Ind")),)
    if quantifier == "most":
        relative, many = concord.most.split(" ")
        return (Word(relative, "AUX", "be", marks), Word(many, "ADJ", "most", marks))
    if quantifier in NUMERALS:
        form = NASAL_NUMERALS[quantifier] if noun_class == 10 else concord.numeral + NUMERALS[quantifier]
        return (Word(form, "NUM", quantifier, _marks(noun_class, NumType="Card")),)
    return ()


def _adjective(adjective: str, noun_class: int) -> Words:
    """As in "mwekundu", "mkavu", "safi"; "wa kijani"; "mwenye njaa"."""
    entry, concord = LEXICON[adjective], CONCORDS[noun_class]
    stem, agreement, marks = entry["form"], entry["agreement"], _marks(noun_class)
    if agreement == "of":
        return (Word(concord.of, "ADP", "of", marks), Word(stem, "NOUN", adjective))
    if agreement == "having":
        return (Word(concord.having, "ADJ", "having", marks), Word(stem, "NOUN", adjective))
    if agreement == "fixed":
        persons = noun_class == 2 and entry["class_2"] != NONE  # watu matajiri
        return (Word(entry["class_2"] if persons else stem, "ADJ", adjective),)
    if agreement == "vowel":
        return (Word(concord.adjective_vowel + stem, "ADJ", adjective, marks),)
    form = entry["class_9"] if concord.adjective is None else concord.adjective + stem
    return (Word(form, "ADJ", adjective, marks),)


def _place(place: str) -> Words:
    kind, name = name_of(place)
    if name:
        return name_words(LEXICON[name]["form"], kind, name)
    return (Word(LEXICON[place]["form"], "NOUN", place),)


def _there_is_no(past: bool) -> Words:
    """As in "hakuna", "hakukuwa na"."""
    marks = features(Polarity="Neg", Tense="Past" if past else "Pres")
    if past:
        return (Word("hakukuwa", "VERB", "no", marks), Word("na", "ADP", "with"))
    return (Word("hakuna", "VERB", "no", marks),)


@cache
def _verb(verb: str, noun_class: int, past: bool, negative: bool, marker: str) -> Words:
    """As in "analala", "alilala", "halali", "hakulala"; with an object that lives "anampenda"."""
    stem, rest = _parted(verb)
    subject = CONCORDS[noun_class].subject
    if not negative:
        form = subject + ("li" if past else "na") + _marked(marker, stem)
    elif past:
        form = _negated(subject) + (stem if stem == EAT else "ku" + _marked(marker, stem))
    else:
        form = _negated(subject) + _marked(marker, _with_final_i(stem))
    marks = _marks(noun_class, Polarity="Neg" if negative else None, Tense="Past" if past else "Pres", VerbForm="Fin")
    return (Word(form, "VERB", verb, marks), *rest)


@cache
def _relative(verb: str, noun_class: int, past: bool, marker: str) -> Words:
    """As in "anayelala", "aliyelala", "waliompenda"."""
    stem, rest = _parted(verb)
    concord = CONCORDS[noun_class]
    form = concord.subject + ("li" if past else "na") + concord.relative + _marked(marker, stem)
    marks = _marks(noun_class, PronType="Rel", Tense="Past" if past else "Pres", VerbForm="Fin")
    return (Word(form, "VERB", verb, marks), *rest)


def _parted(verb: str) -> tuple[str, Words]:
    """A verb's stem, and what goes with it: "fanya", "kazi"."""
    stem, *rest = LEXICON[verb]["form"].split(" ")
    return stem, tuple(Word(word, "NOUN", verb) for word in rest)


def _marked(marker: str, stem: str) -> str:
    """A stem after an object marker, which is "mw" before a vowel."""
    return ("mw" if marker == "m" and stem[0] in "aeio" else marker) + stem


def _negated(subject: str) -> str:
    return "ha" if subject == "a" else "ha" + subject


def _with_final_i(stem: str) -> str:
    """The stem of the negative present: "lali" of "lala", "li" of "kula", "fikiri" as it is."""
    stem = stem.removeprefix("ku") if stem == EAT else stem
    return stem[:-1] + "i" if stem.endswith("a") else stem


def _marks(noun_class: int, **more: str | None) -> str:
    return features(NounClass=f"Bantu{noun_class}", Number="Sing" if noun_class % 2 else "Plur", **more)
