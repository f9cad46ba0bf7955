from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.encoders import Slot
from domaintoolkit.errors import VocabularyError
from domaintoolkit.vocabulary import Vocabulary, byte_tokens, read_name, readable_name, slot_token, special_tokens

CLASHING = st.text("ab =[]\\+\0\n\r\txu0'\"\u2028\u202eé😀", max_size=6) | st.text(max_size=4)
FIELD = st.none() | st.just("anchor") | st.just("\\anchor") | CLASHING
TEXT = st.builds(str.__add__, st.sampled_from(["=", " "]), CLASHING)


@given(FIELD, TEXT)
def test_a_name_reads_back(field: str | None, text: str) -> None:
    name = readable_name(field, text)
    assert read_name(name) == (field, text)
    assert name.encode()
    assert not set(name) & set("\0\n\r\t\u202e")


@given(FIELD, TEXT, FIELD, TEXT)
def test_different_tokens_have_different_names(
    field: str | None, text: str, other_field: str | None, other_text: str
) -> None:
    same = (field, text) == (other_field, other_text)
    assert (readable_name(field, text) == readable_name(other_field, other_text)) == same


@given(
    st.lists(st.tuples(FIELD, TEXT), min_size=1, max_size=3), st.lists(st.tuples(FIELD, TEXT), min_size=1, max_size=3)
)
def test_composites_of_different_parts_have_different_names(
    parts: list[tuple[str | None, str]], others: list[tuple[str | None, str]]
) -> None:
    name, other = ("+".join(readable_name(*part) for part in side) for side in (parts, others))
    assert (name == other) == (parts == others)


@pytest.mark.parametrize(
    ("field", "text", "name"),
    [
        ("brand", "=samsung", "[brand=samsung]"),
        ("brand", " null", "[brand null]"),
        ("price", " 32.5..35.8", "[price 32.5..35.8]"),
        (None, " year=2019", "[anchor year=2019]"),
        ("anchor", " year=2019", "[\\anchor year=2019]"),
        ("a b", "=]\n", "[a\\sb=\\]\\n]"),
        ("t", ' " coffee"', '[t " coffee"]'),
    ],
)
def test_names(field: str | None, text: str, name: str) -> None:
    assert readable_name(field, text) == name


@pytest.mark.parametrize("text", ["", "x"])
def test_a_text_begins_with_its_sign(text: str) -> None:
    with pytest.raises(VocabularyError, match="begins with"):
        readable_name("f", text)


@pytest.mark.parametrize("name", ["", "brand", "[PAD]", "[0x41]", "[a=b", "[a=b]]", "[a=b]+[c=d]"])
def test_other_names_are_not_read(name: str) -> None:
    with pytest.raises(VocabularyError, match="not the name"):
        read_name(name)


def test_tokens_of_slots() -> None:
    token = slot_token("brand", Slot("value", "a:b", "=a:b", part=1))
    assert token.identity == ("field", "brand", "value:a:b")
    assert (token.part, token.start, token.fusible) == (1, True, True)
    assert slot_token("t", Slot("piece", '"a"', ' "a"', start=False), "static").kind == "piece"
    with pytest.raises(VocabularyError, match="has no ':'"):
        slot_token("brand", Slot("a:b", "", " x"))


def test_special_tokens_and_bytes_are_no_names_of_fields() -> None:
    shared = Vocabulary([*special_tokens(), *byte_tokens()])
    assert len(shared) == 259
    assert "[0x41]" in shared
    assert "[BOS]" in shared
