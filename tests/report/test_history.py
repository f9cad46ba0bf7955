"""Histories: every token of a stream is shown, once, under its event."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings

from domaintoolkit import Categorical, DomainTokenizer, Schema, Timestamp
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
        assert page.count('class="dt-chip') == len(tokens) + len(history.fields)
        for terminal in (False, True):
            said = io.StringIO()
            Screen(said, terminal).history(history)
            assert ("\x1b" in said.getvalue()) == terminal


def test_without_times_those_of_the_tokens_are_shown_in_their_zone() -> None:
    at = Timestamp("at", parts=("hour", "minute"), zone="Europe/Berlin")
    schema = Schema(entity="who", time="at", zone="Europe/Berlin", fields=(at,))
    table = pa.table({"who": [1, 1], "at": ["2024-06-01T00:30", "2024-06-01T01:30"]})
    tokenizer = DomainTokenizer(schema).fit(table)
    streams = tokenizer.encode(table)
    shown = history_of(tokenizer, streams[0], streams.event_starts)
    assert [event.clock for event in shown.events] == ["2024-06-01 00:30:00+02:00", "2024-06-01 01:30:00+02:00"]


@pytest.fixture(scope="module")
def history() -> History:
    table = pa.table({"who": [1, 1, 1], "what": ["<b>&\x1b[1m", None, "z" * 200]})
    shop = Schema(entity="who", fields=(Categorical("what", min_count=9),))
    return _histories(shop, table, table)[0][2]


def test_a_page_escapes_what_it_shows(history: History) -> None:
    page = history_page(history, 10)
    assert "<b>&" not in page
    assert "\x1b" not in page
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


def test_times_are_those_of_the_clock_that_tokens_show() -> None:
    schema = Schema(
        entity="who", time="at", fields=[Timestamp("at", parts=["hour"], zone="Europe/Berlin")], zone="Europe/Berlin"
    )
    texts = ["2024-01-01T10:00", "2024-07-01T10:00:00.5"]
    shown = _histories(schema, pa.table({"who": [1, 1], "at": texts}), pa.table({"who": [1, 1], "at": texts}))[0][2]
    assert [event.clock for event in shown.events] == ["2024-01-01 10:00:00+01:00", "2024-07-01 10:00:00.500000+02:00"]
    assert [event.cells[0].value for event in shown.events] == [event.time for event in shown.events]
    assert "[at hour=10]" in _names(shown.events[1].cells)
    said = io.StringIO()
    Screen(said, False).history(shown)
    assert "1  2024-01-01 10:00:00+01:00\n" in said.getvalue()
