"""Refused rows on their way: written as they come, read back in the order of the files, told with their lines."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import DataError
from domaintoolkit.jobs import encode, fit
from domaintoolkit.jobs.partition.row_refusals import RefusalList, RefusalLog, count_log, read_logs, sort_rows
from domaintoolkit.reading import RefusedRow, open_source
from domaintoolkit.reading.refused_rows import KEPT
from domaintoolkit.schema import Categorical, Column, Numeric, Reader, Schema

SOURCES = ("b", "a", "")
ROWS = st.builds(
    RefusedRow,
    source=st.sampled_from(SOURCES),
    row=st.integers(0, 2**40),
    line=st.none() | st.integers(1, 9),
    problems=st.lists(st.tuples(st.none() | st.text(max_size=2), st.text(max_size=2)), min_size=1).map(tuple),
    raw=st.binary(max_size=3),
)


@pytest.mark.slow
@given(st.lists(st.lists(ROWS, max_size=4), max_size=4))
def test_read_logs_come_back_in_the_order_of_the_files(parts: list[list[RefusedRow]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        for number, rows in enumerate(parts):
            with RefusalLog(Path(name), str(number)) as log:
                log.add(rows[:1])
                log.add(rows[1:])
            assert count_log(Path(name), str(number)) == log.rows == len(rows)
        found = list(read_logs(Path(name), map(str, range(len(parts))), SOURCES))
    assert found == sort_rows([row for rows in parts for row in rows], SOURCES)


@pytest.mark.slow
@given(st.lists(st.lists(ROWS, max_size=4), max_size=4), st.none() | st.integers(0, 5))
def test_the_first_rows_are_kept_and_all_are_counted(parts: list[list[RefusedRow]], limit: int | None) -> None:
    kept, whole = RefusalList(limit), [row for rows in parts for row in rows]
    for rows in parts:
        kept.add_unordered(rows, SOURCES)
    assert list(kept) == sort_rows(whole, SOURCES)[:limit]
    assert (kept.rows, kept.problems) == (len(whole), sum(len(row.problems) for row in whole))


def test_what_breaks_off_leaves_no_log(tmp_path: Path) -> None:
    def broken() -> None:
        with RefusalLog(tmp_path, "reading") as log:
            log.add([RefusedRow("a", 1, None, ((None, "bad"),), b"")])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert count_log(tmp_path, "reading") == 0


@pytest.mark.slow
def test_rows_refused_in_reading_and_in_encoding_stand_in_one_order(tmp_path: Path) -> None:
    """Every third row is refused by the reader, and of the others those whose land is not their user's first."""
    schema = Schema(entity="user", time="at", static=(Categorical("land"),), fields=(Numeric("price"),))
    columns = (Column("user", "int64"), Column("at", "timestamp"), Column("land"), Column("price", "float64"))
    wanted = []
    for name, first in (("b.csv", 0), ("a.csv", 1500)):
        lines = ["user,at,land,price"]
        for number in range(first, first + 1500):
            price = "dear" if number % 3 == 0 else "1.5"
            land = "de" if number % 3 == 0 or number < 300 or number % 7 else "fr"
            lines.append(f"{number % 40},2024-01-01 00:{number // 60:02d}:{number % 60:02d},{land},{price}")
            if price == "dear" or land == "fr":
                wanted.append((name, number - first, number - first + 2, lines[-1]))
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    source = open_source([tmp_path / "b.csv", tmp_path / "a.csv"], Reader(columns))
    tokenizer = fit(schema, source, on_bad_rows="quarantine").tokenizer
    result = encode(tokenizer, source, tmp_path / "out", shards=3, on_bad_rows="quarantine")
    assert result.counts.rows_refused == len(wanted) > KEPT
    with (tmp_path / "out" / "quarantine.csv").open(newline="") as file:
        found = [
            (Path(row["source"]).name, int(row["row"]), int(row["line"]), row["raw"]) for row in csv.DictReader(file)
        ]
    assert found == wanted
    with pytest.raises(DataError) as error:
        encode(tokenizer, source, tmp_path / "strict", shards=3)
    assert error.value.total == len(wanted)
    assert [(refusal.row, refusal.line) for refusal in error.value.refusals] == [place[1:3] for place in wanted[:KEPT]]
