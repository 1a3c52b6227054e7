"""Tables over pairs, from pairs, sizes and CSV."""

from math import log

import numpy as np
import pytest

from subnets.errors import InputError
from subnets.pair_table import PairTable, read_distances, size_distances

SQUARE = ",ru,de,en\nru,,3,2\nde,3,,1\nen,2,1,\n"
PAIRS = "one,other,distance\nen,de,1\n\nde,ru,3\nru,en,2\n"


@pytest.mark.parametrize("text", [SQUARE, PAIRS, "\ufeff" + PAIRS.replace(",", " , ")])
def test_squares_and_pairs_are_read_alike(text):
    table = read_distances(text, source="typology.csv")
    assert table.names == ("de", "en", "ru")
    assert table.upper.tolist() == [1, 3, 2]


def test_sizes_become_ratios():
    table = read_distances("lang,articles\nen,8\nsw,2\nde,4\n", source="wikipedia.csv")
    assert table.names == ("de", "en", "sw")
    assert table.upper == pytest.approx([log(2), log(2), log(4)])


def test_a_table_of_some_names_has_their_numbers():
    table = read_distances(SQUARE, source="x")
    assert table.only(["ru", "de"]).upper.tolist() == [3]
    assert table.from_one().upper.tolist() == [0, -2, -1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.csv: found 0 rows"),
        ("a,b,c,d\nen,1,2,3\n", "x.csv: found columns a, b, c, d; allowed"),
        ("lang,size\nen,1,2\n", "x.csv, row 2: found 3 cells; the header has 2"),
        ("lang,size\nen,1\nen,2\n", "x.csv: found a name or pair in two rows"),
        ("lang,size\nen,1\nde,0\n", "x.csv: sizes: found de 0; allowed: above 0"),
        ("lang,size\nen,1\nde,many\n", "x.csv: row de: found 'many'; expected a number"),
        ("a,b,d\nen,de,nan\n", "x.csv: row .*: found 'nan'; expected a number"),
        ("a,b,d\nen,de,1\nde,en,1\n", "x.csv: pairs: found en,de with itself or in both orders"),
        ("a,b,d\nen,de,1\nen,ru,1\n", "x.csv: pairs: found no number for de,ru"),
        (",en,de\nen,,1\nde,2,\n", "x.csv: found 1 for en,de and 2 the other way; expected the same"),
        (",en,de\nen,,1\nde,,\n", "x.csv: row de, column en: found ''; expected a number"),
    ],
)
def test_csv_that_is_no_table_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        read_distances(text, source="x.csv")


@pytest.mark.parametrize(
    ("names", "values", "message"),
    [
        (("b", "a"), np.ones((2, 2)), "found b, a; expected two or more, sorted, each once"),
        (("a",), np.ones((1, 1)), "found a; expected two or more"),
        (("a", "b"), np.ones((3, 3)), "another shape"),
        (("a", "b"), np.array([[0, 1], [2, 0]]), "not symmetric"),
        (("a", "b"), np.array([[0, np.inf], [np.inf, 0]]), "not finite"),
    ],
)
def test_what_is_no_table_is_refused(names, values, message):
    with pytest.raises(InputError, match=message):
        PairTable(names, values)


def test_names_and_pairs_that_there_are_not_are_refused():
    with pytest.raises(InputError, match="table: found no fr; it has: de, en, ru"):
        read_distances(SQUARE, source="x").only(["en", "fr"])
    with pytest.raises(InputError, match="expected two or more"):
        PairTable.of_pairs({})
    with pytest.raises(InputError, match="expected two or more"):
        size_distances({"en": 1.0})
