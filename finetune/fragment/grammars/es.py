"""Spanish: two genders, adjectives after the noun, "a" before those who live, double negation, imperfect as past."""

from __future__ import annotations

from functools import cache

from finetune.fragment.meaning import Clause, Phrase, name_of, plural
from finetune.fragment.scenes import sorts_of
from finetune.fragment.words import Word, features, gender_of, lexicon, name_words

LEXICON = lexicon("es")
CAPITALS = True
STOP = Word(".", "PUNCT", ".", glued=True)

Words = tuple[Word, ...]

NOT = Word("no", "ADV", "not", features(Polarity="Neg"))
THAT = Word("que", "PRON", "that", features(PronType="Rel"))
GENDERS = {"m": "Masc", "f": "Fem"}
STRESSED_A = {"eagle", "axe", "bird"}  # feminine, but "el águila", "un hacha": the article before a stressed a
# By gender; of "the" also the plural.
ARTICLES = {"the": {"m": "el", "f": "la", "mp": "los", "fp": "las"}, "some": {"m": "un", "f": "una"},
            "no": {"m": "ningún", "f": "ninguna"}}  # fmt: skip
KINDS = {"the": {"Definite": "Def", "PronType": "Art"}, "some": {"Definite": "Ind", "PronType": "Art"},
         "no": {"PronType": "Neg"}}  # fmt: skip
NUMERALS = {"two": "dos", "three": "tres"}
CONTRACTED = {("a", "el"): "al", ("de", "el"): "del"}


def both(first: Words, second: Words) -> Words:
    """Two clauses joined by "y", which is "e" before an i."""
    sound = second[0].form.lower()
    return (*first, Word("e" if sound.startswith(("i", "hi")) else "y", "CCONJ", "and"), *second)


def clause(said: Clause) -> Words:
    """Subject, negation, verb, object, place: "el perro no ve ningún gato en el jardín"."""
    words = _phrase(said.subject, past=said.past)
    if said.negative or (said.object and said.object.quantifier == "no"):
        words += (NOT,)
    words += _verb(said.verb, gender_of(said.subject.head, LEXICON), plural(said.subject.quantifier), said.past)
    if said.object:
        words += _object(said.object)
    if said.place:
        words += _place("en", "in", said.place)
    return words


@cache
def _object(phrase: Phrase) -> Words:
    """An object, with "a" before persons and animals: "ve a Sofía", "ve al perro", "ve la mesa"."""
    words = _phrase(phrase, past=False)
    if sorts_of(phrase.head) <= {"person", "animal"}:
        return _after("a", "to", words)
    return words


@cache
def _phrase(phrase: Phrase, *, past: bool) -> Words:
    """Determiner, noun, adjective, modifier: "cada perro negro del pueblo", "la vaca que duerme"."""
    if phrase.quantifier == "name":
        kind, name = name_of(phrase.head)
        return name_words(LEXICON[name]["form"], kind, name, marks=features(Number="Sing"))
    several = plural(phrase.quantifier)
    entry = LEXICON[phrase.head]
    marks = features(Gender=GENDERS[entry["gender"]], Number="Plur" if several else "Sing")
    noun = Word(entry["plural" if several else "form"], "NOUN", phrase.head, marks)
    words = (*_determiner(phrase.quantifier, phrase.head), noun)
    if phrase.adjective:
        words += (Word(_agreeing(phrase.adjective, entry["gender"], several), "ADJ", phrase.adjective, marks),)
    if phrase.origin:
        words += _place("de", "from", phrase.origin)
    if phrase.doing:
        words += (THAT, *_verb(phrase.doing, entry["gender"], several, past))
    return words


def _determiner(quantifier: str, noun: str) -> Words:
    gender = LEXICON[noun]["gender"]
    if quantifier == "every":
        return (Word("cada", "DET", "every", features(PronType="Tot")),)
    if quantifier in NUMERALS:
        return (Word(NUMERALS[quantifier], "NUM", quantifier, features(NumType="Card")),)
    if quantifier == "most":
        most = Word("mayoría", "NOUN", "most", features(Gender="Fem", Number="Sing"))
        return (_article("the", "f"), most, Word("de", "ADP", "of"), _article("the", gender, several=True))
    return (_article(quantifier, gender, before_a=noun in STRESSED_A),)


def _article(quantifier: str, gender: str, *, several: bool = False, before_a: bool = False) -> Word:
    form = ARTICLES[quantifier]["m" if before_a else gender + ("p" if several else "")]
    marks = features(Gender=GENDERS[gender], Number="Plur" if several else "Sing", **KINDS[quantifier])
    return Word(form, "DET", quantifier, marks)


def _agreeing(adjective: str, gender: str, several: bool) -> str:
    entry = LEXICON[adjective]
    if gender == "f":
        return entry["feminine_plural" if several else "feminine"]
    return entry["plural" if several else "form"]


@cache
def _place(preposition: str, gloss: str, place: str) -> Words:
    """As in "en el jardín", "del pueblo", "de Lima"."""
    kind, name = name_of(place)
    if name:
        return _after(preposition, gloss, name_words(LEXICON[name]["form"], kind, name, marks=features(Number="Sing")))
    entry = LEXICON[place]
    noun = Word(entry["form"], "NOUN", place, features(Gender=GENDERS[entry["gender"]], Number="Sing"))
    return _after(preposition, gloss, (_article("the", entry["gender"]), noun))


def _after(preposition: str, gloss: str, words: Words) -> Words:
    """Words after a preposition, which joins with "el"."""
    contracted = CONTRACTED.get((preposition, words[0].form))
    if contracted:
        return (Word(contracted, "ADP", f"{gloss} the", words[0].features), *words[1:])
    return (Word(preposition, "ADP", gloss), *words)


@cache
def _verb(verb: str, gender: str, several: bool, past: bool) -> Words:
    """Present or imperfect; "se" before it, what belongs to it after it: "se mueve", "está de pie", "está sentada"."""
    form = LEXICON[verb][f"{'past' if past else 'present'}_{'plural' if several else 'singular'}"]
    marks = features(
        Mood="Ind", Number="Plur" if several else "Sing", Person="3",
        Tense="Imp" if past else "Pres", VerbForm="Fin",
    )  # fmt: skip
    itself: Words = ()
    if form.startswith("se "):
        itself, form = (Word("se", "PRON", "itself", features(Case="Acc", Person="3", Reflex="Yes")),), form[3:]
    first, *rest = form.split(" ")
    if rest == ["sentado"]:
        seated = "sentad" + {"m": "o", "f": "a"}[gender] + ("s" if several else "")
        agreeing = features(Gender=GENDERS[gender], Number="Plur" if several else "Sing")
        return (Word(first, "AUX", verb, marks), Word(seated, "ADJ", verb, agreeing))
    upos = {"de": "ADP", "pie": "NOUN"}
    return (*itself, Word(first, "VERB", verb, marks), *(Word(word, upos[word], verb) for word in rest))
