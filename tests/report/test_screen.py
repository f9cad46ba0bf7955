"""Tables and facts, on a terminal and in a pipe."""

from __future__ import annotations

import io
import re

import pytest

from domaintoolkit.report import Screen, pluralize


def _said(terminal: bool) -> str:
    file = io.StringIO()
    screen = Screen(file, terminal)
    screen.facts([("events", "1,200"), ("a longer name", "[brand=x]")])
    screen.table(("field", "share", "tokens"), [("brand", "56.2%", "[a] [b]"), ("price", "-", "[c]")])
    screen.line("[not markup]")
    return file.getvalue()


def test_plain_text_lines_up() -> None:
    assert _said(False).splitlines() == [
        "events         1,200",
        "a longer name  [brand=x]",
        "field  share  tokens",
        "brand  56.2%  [a] [b]",
        "price      -  [c]",
        "[not markup]",
    ]


def test_a_terminal_shows_the_same_words() -> None:
    said = _said(True)
    for word in ("1,200", "[brand=x]", "56.2%", "[a] [b]", "[not markup]"):
        assert word in said


@pytest.mark.parametrize("terminal", [True, False])
def test_data_cannot_garble_the_terminal(terminal: bool) -> None:
    file, odd = io.StringIO(), "\x1b[2J\u202e\r"
    screen = Screen(file, terminal)
    screen.line(odd)
    screen.facts([(odd, odd)])
    screen.table((odd,), [(odd,)])
    shown = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())
    assert shown.count(r"\x1b[2J\u202e\r") == 5
    assert not set(odd[:1] + odd[-2:]) & set(shown)


def test_one_takes_the_singular() -> None:
    assert [pluralize(number, "event") for number in (0, 1, 2_000)] == ["0 events", "1 event", "2,000 events"]
