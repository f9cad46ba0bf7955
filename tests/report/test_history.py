"""Histories: every token of a stream is shown, once, under its event."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings

from domaintoolkit import Categorical, DomainTokenizer, Schema
from domaintoolkit.report import Cell, History, Screen, history_of, history_page
from domaintoolkit.testing import cases


def _histories(schema: Schema, fit: pa.Table, rows: pa.Table) -> list[tuple[DomainTokenizer, list[str], History]]:
    tokenizer = DomainTokenizer(schema).fit(fit)
    streams = tokenizer.encode(rows, on_bad_rows="quarantine")
    found = []
    for k in range(len(streams)):
        low, high = streams.event_offsets[k : k + 2]
        starts = streams.event_starts[low:high] - streams.offsets[k]
        times = None if streams.times is None else streams.times[low:high]
        history = history_of(tokenizer, streams[k], starts, times, streams.entities.slice(k, 1), "train")
        found.append((tokenizer, streams.tokens(k), history))
    return found


def _names(cells: tuple[Cell, ...]) -> list[str]:
    return [shown.name for cell in cells for shown in cell.tokens]


@pytest.mark.slow
@settings(max_examples=settings().max_examples // 2)
@given(cases())
def test_all_tokens_are_shown(case: tuple[Schema, pa.Table, pa.Table]) -> None:
    schema, fit, rows = case
    assume(fit.num_rows and rows.num_rows)
    for tokenizer, tokens, history in _histories(schema, fit, rows):
        names = _names(history.header) + [name for event in history.events for name in _names(event.cells)]
        assert names == tokens
        assert history.tokens == len(tokens)
        fields = [spec.name for spec in schema.fields]
        for event in history.events:
            assert [cell.field for cell in event.cells if not cell.is_special] == fields
        page = history_page(history, len(tokenizer.vocabulary))
        assert page.count("<article>") == len(history.events)
        assert page.count('class="chip ') == len(tokens) + len(history.fields)
        for terminal in (False, True):
            said = io.StringIO()
            Screen(said, terminal).history(history)
            assert ("\x1b" in said.getvalue()) == terminal


@pytest.fixture(scope="module")
def history() -> History:
    table = pa.table({"who": [1, 1, 1], "what": ["<b>&", None, "z" * 200]})
    shop = Schema(entity="who", fields=(Categorical("what", min_count=9),))
    return _histories(shop, table, table)[0][2]


def test_a_page_escapes_what_it_shows(history: History) -> None:
    page = history_page(history, 10)
    assert "<b>&<" not in page
    assert "&lt;b&gt;&amp;" in page
    assert "<i>null</i>" in page
    assert "<p>Below the tokens of each field is the value that they decode to.</p>" in page


def test_long_cells_are_cut_on_a_terminal(history: History) -> None:
    said = io.StringIO()
    Screen(said, terminal=False).history(history, limit=2)
    assert "[what null]" in said.getvalue()
    assert "... and 1 more event\n" in said.getvalue()
    Screen(said, terminal=False).history(history)
    assert "more\n" in said.getvalue()
