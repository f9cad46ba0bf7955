from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np

from domaintoolkit.report.charts import Table
from domaintoolkit.report.pages.template import embed_json, pack, render_page

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>&\u2028"


class Elements(HTMLParser):
    """The elements of a page, and the text of its data."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.data = ""
        self._in_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in_data = tag == "script" and ("id", "data") in attrs

    def handle_endtag(self, tag: str) -> None:
        self._in_data = False

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data += data


def test_nothing_in_the_data_becomes_an_element() -> None:
    page = render_page(
        "folder.html", ("page.js",), {HOSTILE: HOSTILE}, title=HOSTILE, lead=HOSTILE, sections=[(HOSTILE, HOSTILE)],
        overview=[(HOSTILE, HOSTILE)], notes=[HOSTILE], first=[], reading=HOSTILE,
        splits=Table.of((HOSTILE,), [[HOSTILE]]),
        fields=Table.of((), []), fields_lead="", values=[], vocabulary=Table.of((), []), vocabulary_lead="", lengths=[],
        splits_known=[HOSTILE], histories_lead="", example=HOSTILE, footer="",
    )  # fmt: skip
    found = Elements()
    found.feed(page)
    assert found.tags.count("script") == 2  # the data, and one script
    assert "img" not in found.tags
    assert json.loads(found.data) == {HOSTILE: HOSTILE}
    assert "default-src 'none'" in page
    assert "http://" not in page
    assert "https://" not in page


def test_json_has_no_character_with_a_meaning_in_html() -> None:
    text = str(embed_json([HOSTILE]))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == [HOSTILE]


def test_arrays_are_packed_lowest_byte_first() -> None:
    assert pack(np.array([1, 256], ">u2")) == "AQAAAQ=="
