"""German: three cases, three genders, adjectives that decline by what stands before them."""

from __future__ import annotations

from functools import cache

from finetune.fragment.meaning import Clause, Phrase, name_of, plural
from finetune.fragment.words import Word, features, lexicon, name_words

LEXICON = lexicon("de")
CAPITALS = True
STOP = Word(".", "PUNCT", ".", glued=True)

Words = tuple[Word, ...]

COMMA = Word(",", "PUNCT", ",", glued=True)
NOT = Word("nicht", "PART", "not", features(Polarity="Neg"))
GENDERS = {"m": "Masc", "f": "Fem", "n": "Neut"}
# By case, then gender (p: plural).
ENDINGS = {
    "Nom": {"m": "er", "f": "e", "n": "es", "p": "e"},
    "Acc": {"m": "en", "f": "e", "n": "es", "p": "e"},
    "Dat": {"m": "em", "f": "er", "n": "em", "p": "en"},
}
THE = {
    "Nom": {"m": "der", "f": "die", "n": "das", "p": "die"},
    "Acc": {"m": "den", "f": "die", "n": "das", "p": "die"},
    "Dat": {"m": "dem", "f": "der", "n": "dem", "p": "den"},
}
# "ein" and "kein" have no ending here, and the adjective after them shows the gender instead.
BARE = {("Nom", "m"), ("Nom", "n"), ("Acc", "n")}
CONTRACTED = {("in", "dem"): "im", ("an", "dem"): "am", ("von", "dem"): "vom"}


def both(first: Words, second: Words) -> Words:
    """Two clauses joined."""
    return (*first, Word("und", "CCONJ", "and"), *second)


def clause(said: Clause) -> Words:
    """Subject, verb, object, negation, place: "der Hund sieht die Katze nicht im Garten"."""
    several = plural(said.subject.quantifier)
    words = _phrase(said.subject, "Nom", past=said.past) + _verb(said.verb, several, said.past)
    if said.object:
        words += _phrase(said.object, "Acc", past=said.past)
    if said.negative:
        words += (NOT,)
    if said.place:
        words += _place(said.place)
    return words


@cache
def _phrase(phrase: Phrase, case: str, *, past: bool) -> Words:
    """Determiner, adjective, noun, modifier: "jeder rote Ball", "der Hund, der schläft,"."""
    if phrase.quantifier == "name":
        kind, name = name_of(phrase.head)
        return name_words(LEXICON[name]["form"], kind, name, marks=features(Case=case, Number="Sing"))
    several = plural(phrase.quantifier)
    gender = "p" if several else LEXICON[phrase.head]["gender"]
    words = _determiner(phrase.quantifier, case, gender)
    if phrase.adjective:
        words += (_adjective(phrase.adjective, phrase.quantifier, case, gender),)
    words += (_noun(phrase.head, case, several),)
    if phrase.origin:
        words += _origin(phrase.origin)
    if phrase.doing:
        marks = _marks("Nom", gender, PronType="Rel")
        words += (COMMA, Word(THE["Nom"][gender], "PRON", "that", marks))
        words += (*reversed(_verb(phrase.doing, several, past)), COMMA)
    return words


def _determiner(quantifier: str, case: str, gender: str) -> Words:
    if quantifier in ("two", "three"):
        return (Word({"two": "zwei", "three": "drei"}[quantifier], "NUM", quantifier, features(NumType="Card")),)
    if quantifier == "most":
        ending = "en"  # weak, as after every article in the plural
        marks = _marks(case, gender, Degree="Sup")
        return (_the(case, gender), Word("meist" + ending, "ADJ", "most", marks))
    if quantifier == "the":
        return (_the(case, gender),)
    stem, kind = {"every": ("jed", "Tot"), "some": ("ein", "Art"), "no": ("kein", "Neg")}[quantifier]
    ending = "" if quantifier != "every" and (case, gender) in BARE else ENDINGS[case][gender]
    definite = "Ind" if quantifier == "some" else None
    return (Word(stem + ending, "DET", quantifier, _marks(case, gender, Definite=definite, PronType=kind)),)


def _the(case: str, gender: str) -> Word:
    return Word(THE[case][gender], "DET", "the", _marks(case, gender, Definite="Def", PronType="Art"))


def _adjective(adjective: str, quantifier: str, case: str, gender: str) -> Word:
    """Strong after a numeral, and after "ein" or "kein" where these have no ending; else weak."""
    strong = quantifier in ("two", "three") or (quantifier in ("some", "no") and (case, gender) in BARE)
    if strong:
        ending = ENDINGS[case][gender]
    else:
        ending = "e" if (case == "Nom" and gender != "p") or (case == "Acc" and gender in ("f", "n")) else "en"
    return Word(LEXICON[adjective]["stem"] + ending, "ADJ", adjective, _marks(case, gender, Degree="Pos"))


def _noun(noun: str, case: str, several: bool) -> Word:
    entry = LEXICON[noun]
    form = entry["plural"] if several else entry["form"] if case == "Nom" else entry["oblique"]
    number = "Plur" if several else "Sing"
    return Word(form, "NOUN", noun, features(Case=case, Gender=GENDERS[entry["gender"]], Number=number))


@cache
def _place(place: str) -> Words:
    """Where it happens: "in Lima", "im Garten", "auf dem Markt"."""
    return _local(place, None)


@cache
def _origin(place: str) -> Words:
    """Where someone is from: "aus Lima", "aus dem Dorf", "vom Markt"."""
    return _local(place, "from")


def _local(place: str, direction: str | None) -> Words:
    kind, name = name_of(place)
    if name:
        preposition = Word("aus" if direction else "in", "ADP", direction or "in")
        return (
            preposition,
            *name_words(LEXICON[name]["form"], kind, name, marks=features(Case="Dat", Number="Sing")),
        )
    entry = LEXICON[place]
    preposition_form, article = entry["from" if direction else "in"], THE["Dat"][entry["gender"]]
    noun = _noun(place, "Dat", several=False)
    contracted = CONTRACTED.get((preposition_form, article))
    if contracted:
        marks = _marks("Dat", entry["gender"], Definite="Def", PronType="Art")
        return (Word(contracted, "ADP", f"{direction or 'in'} the", marks), noun)
    return (Word(preposition_form, "ADP", direction or "in"), _the("Dat", entry["gender"]), noun)


@cache
def _verb(verb: str, several: bool, past: bool) -> Words:
    """Present or preterite, with "sich" after it in a main clause: "bewegt sich"."""
    form, *reflexive = LEXICON[verb][f"{'past' if past else 'present'}_{'plural' if several else 'singular'}"].split(
        " "
    )
    marks = features(
        Mood="Ind", Number="Plur" if several else "Sing", Person="3",
        Tense="Past" if past else "Pres", VerbForm="Fin",
    )  # fmt: skip
    itself = features(Case="Acc", Person="3", PronType="Prs", Reflex="Yes")
    return (Word(form, "VERB", verb, marks), *(Word(word, "PRON", "itself", itself) for word in reflexive))


def _marks(case: str, gender: str, **more: str | None) -> str:
    """Case, and gender or plural: German shows no gender in the plural."""
    if gender == "p":
        return features(Case=case, Number="Plur", **more)
    return features(Case=case, Gender=GENDERS[gender], Number="Sing", **more)
