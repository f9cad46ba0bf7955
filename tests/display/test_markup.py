"""Fragments of HTML: every text is escaped, and fields have their colours."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.display import Fragment, ShownChip, chip_html


class Tags(HTMLParser):
    """The tags that are open, and all texts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


texts = st.text("<>&\"'ab", min_size=1, max_size=6)


@given(texts, texts, st.lists(texts, max_size=4))
def test_texts_are_escaped_and_tags_closed(title: str, field: str, names: list[str]) -> None:
    fragment = Fragment(title, "note", [field])
    fragment.row(title, [ShownChip(name, field) for name in names])
    fragment.table((title, field), [(field, name) for name in names])
    parsed = Tags()
    parsed.feed(fragment.html())
    parsed.close()
    assert not parsed.open
    assert "".join(parsed.texts).count(title) >= 1


def test_the_rest_of_a_long_row_is_counted() -> None:
    fragment = Fragment("t")
    fragment.row("head", [ShownChip("x", None)] * 50)
    assert "and 10 more" in fragment.html()


def test_a_token_is_the_same_in_a_notebook_and_on_a_page() -> None:
    fragment = Fragment("t", fields=["brand"])
    fragment.row("head", [ShownChip("[brand=<b>]", "brand"), ShownChip("[BOS]", None)])
    colours: dict[str | None, int] = {"brand": 0}
    assert chip_html(ShownChip("[brand=<b>]", "brand"), colours) in fragment.html()
    assert chip_html(ShownChip("[BOS]", None), colours) in fragment.html()
    assert 'title="id 3"' in chip_html(ShownChip("[BOS]", None, "id 3"), colours)
