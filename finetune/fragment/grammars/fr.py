"""French: two genders, adjectives after the noun, elision, negation in two words, the imperfect as past."""

from __future__ import annotations

from functools import cache

from finetune.fragment.concepts import NONE
from finetune.fragment.meaning import Clause, Phrase, name_of, plural
from finetune.fragment.words import Word, features, gender_of, lexicon, name_words

LEXICON = lexicon("fr")
CAPITALS = True
STOP = Word(".", "PUNCT", ".", glued=True)

Words = tuple[Word, ...]

NE = Word("ne", "ADV", "not", features(Polarity="Neg"))
PAS = Word("pas", "ADV", "not", features(Polarity="Neg"))
WHO = Word("qui", "PRON", "that", features(PronType="Rel"))
GENDERS = {"m": "Masc", "f": "Fem"}
VOWELS = "aàâeéèêiîoôuyAÉEIOU"
SILENT_H = ("hôpital", "hôtel")
ARTICLES = {"the": {"m": "le", "f": "la"}, "some": {"m": "un", "f": "une"}, "no": {"m": "aucun", "f": "aucune"}}
KINDS = {"the": {"Definite": "Def", "PronType": "Art"}, "some": {"Definite": "Ind", "PronType": "Art"},
         "no": {"PronType": "Neg"}}  # fmt: skip
NUMERALS = {"two": "deux", "three": "trois"}
CONTRACTED = {("à", "le"): "au", ("de", "le"): "du"}
PARTICIPLES = {"assis", "couché"}
WITH_ARTICLE = {"Cairo"}  # le Caire


def both(first: Words, second: Words) -> Words:
    """Two clauses joined by "et"."""
    return (*first, Word("et", "CCONJ", "and"), *second)


def clause(said: Clause) -> Words:
    """Subject, verb between "ne" and "pas", object, place: "le chien ne voit aucun chat dans le jardin"."""
    words = _phrase(said.subject, past=said.past)
    none = said.subject.quantifier == "no" or (said.object is not None and said.object.quantifier == "no")
    gender, several = gender_of(said.subject.head, LEXICON), plural(said.subject.quantifier)
    words += _agreeing(_verb(said.verb, several, said.past, said.negative, none), gender, several)
    if said.object:
        words += _object(said.object, LEXICON[said.verb]["preposition"])
    if said.place:
        name = name_of(said.place)[1]
        words += _place("à" if name else LEXICON[said.place]["preposition"], "in", said.place)
    return words


@cache
def _phrase(phrase: Phrase, *, past: bool) -> Words:
    """Determiner, noun, adjective, modifier: "chaque chien noir du village", "la vache qui dort"."""
    if phrase.quantifier == "name":
        kind, name = name_of(phrase.head)
        return name_words(LEXICON[name]["form"], kind, name, marks=features(Number="Sing"))
    several = plural(phrase.quantifier)
    entry = LEXICON[phrase.head]
    words = _determined(phrase.quantifier, _noun(phrase.head, several), entry["gender"])
    if phrase.adjective:
        words += (_adjective(phrase.adjective, entry["gender"], several),)
    if phrase.origin:
        words += _place("de", "from", phrase.origin)
    if phrase.doing:
        doing = _verb(phrase.doing, several, past, False, False)
        words += (WHO, *_agreeing(doing, entry["gender"], several))
    return words


@cache
def _object(phrase: Phrase, preposition: str) -> Words:
    """An object, after the preposition that the verb asks for: "rend visite au chanteur"."""
    words = _phrase(phrase, past=False)
    return words if preposition == NONE else _after(preposition, "to", words)


def _noun(noun: str, several: bool) -> Words:
    """A noun, perhaps of two words: "compagnie aérienne"."""
    entry = LEXICON[noun]
    marks = features(Gender=GENDERS[entry["gender"]], Number="Plur" if several else "Sing")
    first, *rest = entry["plural" if several else "form"].split(" ")
    return (Word(first, "NOUN", noun, marks), *(Word(word, "ADJ", noun, marks) for word in rest))


def _adjective(adjective: str, gender: str, several: bool) -> Word:
    entry = LEXICON[adjective]
    column = ("feminine_plural" if several else "feminine") if gender == "f" else "plural" if several else "form"
    marks = features(Gender=GENDERS[gender], Number="Plur" if several else "Sing")
    return Word(entry[column], "ADJ", adjective, marks)


def _determined(quantifier: str, words: Words, gender: str) -> Words:
    if quantifier == "every":
        return (Word("chaque", "DET", "every", features(Number="Sing", PronType="Tot")), *words)
    if quantifier in NUMERALS:
        return (Word(NUMERALS[quantifier], "NUM", quantifier, features(NumType="Card")), *words)
    if quantifier == "most":
        most = Word("plupart", "NOUN", "most", features(Gender="Fem", Number="Sing"))
        of_the = Word("des", "ADP", "of the", features(Definite="Def", Number="Plur", PronType="Art"))
        return (_article("the", "f"), most, of_the, *words)
    article = _article(quantifier, gender)
    return _elided("l'", article, words) if quantifier == "the" else (article, *words)


def _article(quantifier: str, gender: str) -> Word:
    marks = features(Gender=GENDERS[gender], Number="Sing", **KINDS[quantifier])
    return Word(ARTICLES[quantifier][gender], "DET", quantifier, marks)


@cache
def _place(preposition: str, gloss: str, place: str) -> Words:
    """As in "dans l'école", "au marché", "à Lima", "du village", "d'Oslo"."""
    kind, name = name_of(place)
    if name:
        words = name_words(LEXICON[name]["form"], kind, name, marks=features(Number="Sing"))
        words = _determined("the", words, "m") if name in WITH_ARTICLE else words
    else:
        words = _determined("the", _noun(place, several=False), LEXICON[place]["gender"])
    return _after(preposition, gloss, words)


def _after(preposition: str, gloss: str, words: Words) -> Words:
    """Words after a preposition, which joins with "le" and loses its vowel before another."""
    contracted = CONTRACTED.get((preposition, words[0].form))
    if contracted:
        return (Word(contracted, "ADP", f"{gloss} the", words[0].features), *words[1:])
    word = Word(preposition, "ADP", gloss)
    return _elided("d'", word, words) if preposition == "de" else (word, *words)


@cache
def _verb(verb: str, several: bool, past: bool, negative: bool, none: bool) -> Words:
    """Present or imperfect: "dort", "ne dormait pas", "se taisent"; with "aucun" there is "ne" alone."""
    form = LEXICON[verb][f"{'past' if past else 'present'}_{'plural' if several else 'singular'}"]
    marks = features(
        Mood="Ind", Number="Plur" if several else "Sing", Person="3",
        Tense="Imp" if past else "Pres", VerbForm="Fin",
    )  # fmt: skip
    itself, first, after = _parted(form)
    finite: Words = (Word(first, "VERB", verb, marks),)
    if itself:
        reflexive = Word(itself, "PRON", "itself", features(Person="3", Reflex="Yes"))
        finite = (reflexive, finite[0]._replace(glued=itself.endswith("'")))
    if negative or none:
        finite = _elided("n'", NE, finite)
    rest = tuple(Word(word, "ADV", verb) for word in after)
    return (*finite, *((PAS,) if negative else ()), *rest)


def _agreeing(words: Words, gender: str, several: bool) -> Words:
    """The words of a verb, whose participle agrees with the subject: "est assise", "ne sont pas couchés"."""
    *before, last = words
    if last.form not in PARTICIPLES:
        return words
    form = last.form + ("e" if gender == "f" else "")
    marks = features(Gender=GENDERS[gender], Number="Plur" if several else "Sing")
    return (
        *before,
        last._replace(form=form + ("s" if several and not form.endswith("s") else ""), upos="ADJ", features=marks),
    )


def _parted(form: str) -> tuple[str, str, list[str]]:
    """What stands before the verb, the verb, and what comes after: ("s'", "assoit", []), ("", "reste", ["debout"])."""
    if form.startswith("s'"):
        return "s'", form[2:], []
    if form.startswith("se "):
        return "se", form[3:], []
    first, *rest = form.split(" ")
    return "", first, rest


def _elided(short: str, word: Word, words: Words) -> Words:
    """A word before others; short and without a space before a vowel."""
    if words[0].form[0] in VOWELS or words[0].form in SILENT_H:
        return (word._replace(form=short), words[0]._replace(glued=True), *words[1:])
    return (word, *words)
