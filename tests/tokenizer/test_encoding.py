"""Encoding a table: rows that contradict each other."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit import Categorical, DataError, DomainTokenizer, Numeric, Schema, SchemaError, Timestamp

STATIC = Schema(
    entity="user", time="at", static=(Categorical("land"), Numeric("age", bins=2)), fields=(Categorical("what"),)
)
ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(["de", "fr", None]), st.sampled_from([1.0, 2.0])),
    min_size=1,
    max_size=12,
)


@pytest.mark.slow
@given(ROWS, st.randoms())
def test_as_few_rows_as_possible_are_refused_for_their_static_fields(rows: list[tuple], random: object) -> None:
    shuffled = list(enumerate(rows))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    made = []
    for order in (list(enumerate(rows)), shuffled):
        table = pa.table({
            "user": [row[0] for _, row in order], "at": [datetime(2024, 1, row[1]) for _, row in order],
            "land": pa.array([row[2] for _, row in order], pa.string()), "age": [row[3] for _, row in order],
            "what": [f"w{number}" for number, _ in order],
        })  # fmt: skip
        streams = DomainTokenizer(STATIC, threads=1).fit(table).encode(table, on_bad_rows="quarantine")
        made.append(DomainTokenizer(STATIC, threads=1).fit(table).decode(streams).to_pylist())
        most = Counter({user: 0 for user, *_ in rows})
        for (user, *_), times in Counter((row[0], *row[2:]) for row in rows).items():
            most[user] = max(most[user], times)
        assert streams.counts.rows_refused == len(rows) - most.total()
    assert made[0] == made[1]


def test_a_contradicting_row_is_named_with_the_other_and_both_values() -> None:
    schema = Schema(entity="u", time="t", static=(Timestamp("dob", ("year",)),), fields=(Categorical("c"),))
    table = pa.table({
        "u": [1, 1, 1], "t": ["2024-01-01", "2024-01-02", "2024-01-03"], "c": ["a"] * 3,
        "dob": [date(1988, 3, 9), date(1988, 3, 10), date(1988, 3, 10)],
    })  # fmt: skip
    with pytest.raises(DataError, match=r"field is 1988-03-09 here, and 1988-03-10 in most rows .*\(row 1\)"):
        DomainTokenizer(schema, threads=1).fit(table).encode(table)


LINES = {
    "user": [1] * 6, "number": [3, 1, 2, 3, 1, 2], "basket": ["c", "a", "b", "c", "a", "b"],
    "what": ["z", "y", "x", "w", "v", "u"],
}  # fmt: skip


@pytest.mark.parametrize("columns", [{"order_by": "number"}, {"order_by": ("user", "number"), "session": "basket"}])
def test_without_times_order_by_orders_histories(columns: dict) -> None:
    schema = Schema(entity="user", fields=(Categorical("what"),), **columns)
    table = pa.table(LINES)
    tokenizer = DomainTokenizer(schema, threads=1).fit(table)
    streams = tokenizer.encode(table)
    assert tokenizer.decode(streams)["what"].to_pylist() == ["v", "y", "u", "x", "w", "z"]
    assert streams[0].tolist() == tokenizer.encode(table.take([5, 3, 1, 0, 4, 2]))[0].tolist()
    assert streams[0].tolist() == tokenizer.encode_entity(table.to_pylist()).tolist()


@pytest.mark.parametrize(("order_by", "sessions"), [((), 3), ("number", 3), ("what", 6), (("basket", "what"), 3)])
def test_events_of_one_session_and_time_stay_together(order_by: object, sessions: int) -> None:
    table = pa.table({**LINES, "at": ["2024-01-01"] * 6, "what": ["a", "b", "c", "f", "e", "d"]})
    table = table.set_column(3, "what", pa.array(["a", "b", "c", "d", "e", "f"]))
    schema = Schema(
        entity="user", time="at", session="basket", order_by=order_by, fields=(Categorical("what"), Timestamp("at"))
    )
    tokenizer = DomainTokenizer(schema, threads=1).fit(table)
    streams = tokenizer.encode(table)
    assert streams.tokens(0).count("[SESSION]") == sessions - 1
    again = tokenizer.encode(tokenizer.decode(streams.ids, streams.offsets))
    assert again.ids.tolist() == streams.ids.tolist()


def test_sessions_begin_after_a_gap() -> None:
    schema = Schema(
        entity="u", time="t", session_gap="30m", fields=(Categorical("c"), Timestamp("t", ("hour",), delta=True))
    )
    minutes = [0, 29, 59, 60, 100, 129]
    table = pa.table({
        "u": [1] * 6 + [2], "c": ["a"] * 7, "t": [datetime(2024, 1, 1, at // 60, at % 60) for at in [*minutes, 5]],
    })  # fmt: skip
    tokenizer = DomainTokenizer(schema, threads=1).fit(table)
    streams = tokenizer.encode(table)
    starts = [token == "[SESSION]" for token in streams.tokens(0)]
    assert [starts[at] for at in streams.event_starts[:6] - streams.offsets[0]] == [
        False,
        False,
        True,
        False,
        True,
        False,
    ]
    assert streams[0].tolist() == tokenizer.encode_entity(table.slice(0, 6).to_pylist()).tolist()
    decoded = tokenizer.decode(streams)["t"].to_pylist()[:6]
    breaks = [(after - before).total_seconds() >= 1800 for before, after in pairwise(decoded)]
    assert breaks == [False, True, False, True, False]


@pytest.mark.parametrize(
    ("gap", "time", "session"), [("30", "t", None), ("1h", None, None), ("1h", "t", "s"), ("0s", "t", None)]
)
def test_gaps_that_make_no_sessions_are_refused(gap: str, time: str | None, session: str | None) -> None:
    with pytest.raises(SchemaError, match="session_gap"):
        Schema(entity="u", time=time, session=session, session_gap=gap, fields=(Categorical("c"),))


FACTS = {
    "subject": [1, 1, 1, 2, 3, 1],
    "time": [None, datetime(2180, 7, 23, 12, 35), datetime(2180, 7, 23, 13), None, datetime(2181, 1, 1), None],
    "code": ["GENDER//F", "HR", "BP", "GENDER//M", "HR", "BORN//X"],
}


def test_rows_without_a_time_are_facts_that_come_first_and_come_back() -> None:
    schema = Schema(
        entity="subject",
        time="time",
        untimed="static",
        session_gap="1h",
        fields=(Categorical("code"), Timestamp("time")),
    )
    table = pa.table(FACTS)
    tokenizer = DomainTokenizer(schema, threads=1).fit(table)
    streams = tokenizer.encode(table)
    assert streams.entities["subject"].to_pylist() == [1, 2, 3]
    decoded = tokenizer.decode(streams)
    expected = [("BORN//X", None), ("GENDER//F", None), ("HR", 12), ("BP", 13), ("GENDER//M", None), ("HR", 0)]
    found = zip(decoded["code"].to_pylist(), decoded["time"].to_pylist(), strict=True)
    assert [(code, time and time.hour) for code, time in found] == expected
    assert tokenizer.encode(decoded).ids.tolist() == streams.ids.tolist()
    assert "[anchor year=2180]" in streams.tokens(0)
    assert "[SESSION]" not in streams.tokens(0)
    own = [row for row in table.to_pylist() if row["subject"] == 1]
    assert tokenizer.encode_entity(own).tolist() == streams[0].tolist()


def test_rows_without_a_time_are_refused_unless_they_are_facts() -> None:
    schema = Schema(entity="subject", time="time", fields=(Categorical("code"), Timestamp("time")))
    with pytest.raises(DataError, match="the time is null"):
        DomainTokenizer(schema).fit(FACTS)
    with pytest.raises(SchemaError, match="untimed: needs a field of the time column"):
        Schema(entity="subject", time="time", untimed="static", fields=(Categorical("code"),))
