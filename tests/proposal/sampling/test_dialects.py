"""A file's delimiter, quotes, header, title lines and comments are found in its first lines."""

from __future__ import annotations

import pytest

from domaintoolkit.errors import SourceError
from domaintoolkit.proposal.sampling.dialects import find_dialect


@pytest.mark.parametrize(
    ("text", "settings", "headers"),
    [
        ("a|b\n1|2\n3|4\n", {"delimiter": "|"}, ("a", "b")),
        ("Bericht\nStand: 1\n\nKunde;Betrag\nA;1,50\nB;2,75\n", {"delimiter": ";", "skip": 3}, ("Kunde", "Betrag")),
        ("# x\n# y\nid\tt\n1\t2\n2\t3\n", {"delimiter": "\t", "comment": "#"}, ("id", "t")),
        ("user item  t\n1 2 3\n1 3  4\n", {"delimiter": "whitespace"}, ("user", "item", "t")),
        ("1::1193::5\n1::661::3\n", {"delimiter": "::", "header": False}, ("column_1", "column_2", "column_3")),
        ("name,size\n'a,b',3\n'c',4\n", {"quote": "'"}, ("name", "size")),
        ('id,name\n1,tv 19"\n2,b\n', {"quote": False}, ("id", "name")),
        ('a,b\n"x, y",2\n"z\nw",3\n', {}, ("a", "b")),
        ("sep=;\na;b\n1;2\n", {"delimiter": ";"}, ("a", "b")),
        (
            "Compte;;\nau 3 mai;;\n\nCompte;Date;Solde\nA;1;2\nB;2;3\n",
            {"delimiter": ";", "skip": 3},
            ("Compte", "Date", "Solde"),
        ),
        (
            "2004-03-31 03:38:15.75 2\n2004-03-31 03:39:15.7 3\n",
            {"delimiter": "whitespace", "header": False},
            ("column_1", "column_2", "column_3"),
        ),
        ("x\n1\n2\n", {}, ("x",)),
        ("ann,tea,2024-01-01\nbob,cup,2024-01-02\n", {"header": False}, ("column_1", "column_2", "column_3")),
    ],
)
def test_the_dialect_is_found(text: str, settings: dict[str, object], headers: tuple[str, ...]) -> None:
    found = find_dialect(text, "file.csv")
    assert found.settings == settings
    assert found.headers == headers


def test_lines_of_varying_length_are_not_a_table() -> None:
    text = "".join(f"{k} {' '.join('7' * (3 + k % 9))}\n" for k in range(99))
    with pytest.raises(SourceError, match="lists of"):
        find_dialect(text, "lists.txt")
