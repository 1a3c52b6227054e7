"""English."""

from __future__ import annotations

from functools import cache

from finetune.fragment.meaning import Clause, Phrase, name_of, plural
from finetune.fragment.words import Word, features, lexicon, name_words

LEXICON = lexicon("en")
CAPITALS = True
STOP = Word(".", "PUNCT", ".", glued=True)

Words = tuple[Word, ...]

DETERMINERS = {
    "every": Word("every", "DET", "every", features(PronType="Tot")),
    "some": Word("some", "DET", "some", features(PronType="Ind")),
    "no": Word("no", "DET", "no", features(PronType="Neg")),
    "the": Word("the", "DET", "the", features(Definite="Def", PronType="Art")),
    "two": Word("two", "NUM", "two", features(NumType="Card")),
    "three": Word("three", "NUM", "three", features(NumType="Card")),
    "most": Word("most", "ADJ", "most", features(Degree="Sup")),
}
THAT = Word("that", "PRON", "that", features(PronType="Rel"))
FROM = Word("from", "ADP", "from")
NOT = Word("not", "PART", "not", features(Polarity="Neg"))


def both(first: Words, second: Words) -> Words:
    """Two clauses joined."""
    return (*first, Word("and", "CCONJ", "and"), *second)


def clause(said: Clause) -> Words:
    """Subject, verb, object, place: "most dogs do not sleep in the garden"."""
    several = plural(said.subject.quantifier)
    words = _phrase(said.subject, past=said.past) + _verb(said.verb, several, said.past, said.negative)
    if said.object:
        words += _phrase(said.object, past=said.past)
    if said.place:
        words += _place(said.place)
    return words


@cache
def _phrase(phrase: Phrase, *, past: bool) -> Words:
    """Determiner, adjective, noun, modifier: "every red dog from Lima", "the dog that sleeps"."""
    if phrase.quantifier == "name":
        kind, name = name_of(phrase.head)
        return name_words(LEXICON[name]["form"], kind, name, marks=features(Number="Sing"))
    several = plural(phrase.quantifier)
    words: Words = (DETERMINERS[phrase.quantifier],)
    if phrase.adjective:
        words += (Word(LEXICON[phrase.adjective]["form"], "ADJ", phrase.adjective, features(Degree="Pos")),)
    noun = LEXICON[phrase.head]["plural" if several else "form"]
    words += (Word(noun, "NOUN", phrase.head, features(Number="Plur" if several else "Sing")),)
    if phrase.origin:
        words += (FROM, *_place(phrase.origin)[1:])
    if phrase.doing:
        words += (THAT, *_verb(phrase.doing, several, past, False))
    return words


@cache
def _place(place: str) -> Words:
    """Where it happens: "in Lima", "at the station"."""
    kind, name = name_of(place)
    if name:
        return (
            Word("in", "ADP", "in"),
            *name_words(LEXICON[name]["form"], kind, name, marks=features(Number="Sing")),
        )
    entry = LEXICON[place]
    return (
        Word(entry["preposition"], "ADP", "in"),
        DETERMINERS["the"],
        Word(entry["form"], "NOUN", place, features(Number="Sing")),
    )


@cache
def _verb(verb: str, several: bool, past: bool, negative: bool) -> Words:
    """The verb with its auxiliary: "sleeps", "slept", "do not sleep". What stands in one cell may be two words."""
    entry = LEXICON[verb]
    if negative:
        form = "did" if past else "do" if several else "does"
        auxiliary = Word(form, "AUX", "do", _finite(several, past))
        return (auxiliary, NOT, *_verb_words(entry["form"], verb, features(VerbForm="Inf")))
    form = entry["past"] if past else entry["form"] if several else entry["singular"]
    return _verb_words(form, verb, _finite(several, past))


def _finite(several: bool, past: bool) -> str:
    """Agreement shows in the present only."""
    if past:
        return features(Tense="Past", VerbForm="Fin")
    return features(Number="Plur" if several else "Sing", Person="3", Tense="Pres", VerbForm="Fin")


def _verb_words(form: str, verb: str, marks: str) -> Words:
    """A verb, perhaps with its complement: "keeps silent"."""
    first, *rest = form.split(" ")
    return (Word(first, "VERB", verb, marks), *(Word(word, "ADJ", verb, features(Degree="Pos")) for word in rest))
