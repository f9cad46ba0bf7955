"""Appending: what is appended in parts is what is encoded at once."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pytest
from event_rows import READER, SCHEMA, contents, events, in_parts, rows_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domaintoolkit.errors import ArtifactError, DataError, OutputError, VocabularyMismatchError
from domaintoolkit.jobs import append, encode, extend, verify
from domaintoolkit.jobs.appending import job as _append
from domaintoolkit.reading import open_source
from domaintoolkit.reading.refused_rows import Quarantine
from domaintoolkit.schema import Categorical, Numeric, Schema, Text, Timestamp
from domaintoolkit.storage.encoded_folder import open_encoded
from domaintoolkit.storage.manifest import Manifest
from domaintoolkit.storage.resume_state import STATE
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.partials import PARTIAL

TABLE = events(600, users=30)
TOKENIZER = DomainTokenizer(SCHEMA, threads=1).fit(TABLE)
STATIC = Schema(entity="user", time="at", static=(Categorical("land"),), fields=(Categorical("what"),))
UNTIMED = Schema(entity="user", fields=(Categorical("what"), Categorical("brand")))


@pytest.mark.slow
@settings(max_examples=15)
@given(
    cuts=st.lists(st.integers(0, 600), min_size=1, max_size=2).map(sorted),
    seconds=st.sampled_from([1, 3600]),
    timed=st.booleans(),
)
def test_parts_in_time_order_give_what_all_at_once_gives(cuts: list[int], seconds: int, timed: bool) -> None:
    table = TABLE
    if seconds > 1:  # many events at the same time, so that parts are cut within ties
        hours = pc.floor_temporal(TABLE["at"], 6, "hour")
        table = TABLE.set_column(1, "at", hours)
    tokenizer = DomainTokenizer(SCHEMA if timed else UNTIMED, threads=1).fit(table)
    streams = tokenizer.encode(table)
    if timed:
        # the order of the streams is that of the parts
        table = _in_stream_order(tokenizer, table)
    bounds = sorted({0, *cuts, 600})
    parts = [table.slice(low, high - low) for low, high in pairwise(bounds)]
    with tempfile.TemporaryDirectory() as name:
        in_parts(tokenizer, parts, Path(name) / "parts")
        encode(tokenizer, table, Path(name) / "whole", shards=3)
        assert rows_of(Path(name) / "parts") == rows_of(Path(name) / "whole")
        manifest = open_encoded(Path(name) / "parts").manifest
        assert manifest.totals["events"] == streams.events
        assert manifest.counts == open_encoded(Path(name) / "whole").manifest.counts


def _in_stream_order(tokenizer: DomainTokenizer, table: pa.Table) -> pa.Table:
    """Rows by time, and ties of an entity in the order that encoding gives them."""
    order = tokenizer.encode(table).rows
    assert order is not None
    times = table["at"].cast(pa.int64()).to_numpy()[order]
    return table.take(pa.array(order[np.argsort(times, kind="stable")]))


@pytest.mark.parametrize("rewrite", [False, True])
def test_numbers_of_several_things_are_appended(tmp_path: Path, rewrite: bool) -> None:
    """The column that says what a number measures is another one, also if the parts meet at one time."""
    table = pa.table({
        "user": [k % 3 for k in range(60)],
        "at": pa.array([k // 6 * 1_000_000 for k in range(60)], pa.timestamp("us", "UTC")),
        "what": [("height", "weight", None)[k % 7 % 3] for k in range(60)],
        "value": [None if k % 11 == 0 else 20.0 + k * (1 + k % 2) for k in range(60)],
    })  # fmt: skip
    fields = (Categorical("what"), Numeric("value", by="what", bins=4), Timestamp("at"))
    tokenizer = DomainTokenizer(Schema(entity="user", time="at", fields=fields), threads=1).fit(table)
    encode(tokenizer, table.slice(0, 33), tmp_path / "parts")
    append(tmp_path / "parts", table.slice(33), rewrite=rewrite, on_bad_rows="quarantine")
    checked = verify(tmp_path / "parts", table, threads=1)
    assert checked.problems == ()
    if rewrite:  # without it, a tied event that sorts before the last one is set aside
        assert not checked.rows_set_aside
        encode(tokenizer, table, tmp_path / "whole")
        parts, whole = open_encoded(tmp_path / "parts"), open_encoded(tmp_path / "whole")
        assert parts.table(0)["ids"].equals(whole.table(0)["ids"])
    else:
        assert checked.rows_set_aside <= 3


def test_an_older_event_is_set_aside(tmp_path: Path) -> None:
    in_time = TABLE.sort_by("at")
    encode(TOKENIZER, in_time.slice(300), tmp_path / "out", shards=3)
    late = in_time.slice(0, 300).filter(pc.is_in(in_time.slice(0, 300)["user"], value_set=pa.array([3, 4])))
    before = rows_of(tmp_path / "out")
    result = append(tmp_path / "out", late)
    assert rows_of(tmp_path / "out") == before
    assert result.counts.rows_in == result.counts.rows_refused == len(late)
    assert result.quarantine is not None
    reasons = pa.csv.read_csv(result.quarantine)["reason"].to_pylist()
    assert reasons == ["older than the last encoded event of its entity"] * len(late)


@pytest.mark.slow
@settings(max_examples=10)
@given(st.lists(st.booleans(), min_size=300, max_size=300), st.booleans())
def test_rows_that_were_set_aside_are_known_to_verify(late: list[bool], again: bool) -> None:
    table = TABLE.sort_by("at").slice(0, 300)
    later = table.filter(pa.array(late))
    assume(0 < len(later) < 300)
    rows = [table.filter(pa.array(np.logical_not(late))), later]
    with tempfile.TemporaryDirectory() as name:
        encode(TOKENIZER, rows[0], Path(name) / "out", shards=3)
        append(Path(name) / "out", later)
        if again:
            set_aside = later.filter(pa.array(_older(later, rows[0])))
            assume(len(set_aside) > 0)
            append(Path(name) / "out", set_aside.slice(0, 50))
            rows.append(set_aside.slice(0, 50))
        whole = pa.concat_tables(rows)
        found = verify(Path(name) / "out", whole.take(np.random.default_rng(0).permutation(len(whole))), threads=1)
        assert found.problems == ()
        manifest = open_encoded(Path(name) / "out").manifest
        assert found.rows_refused == found.rows_set_aside == manifest.counts["rows_refused"]
        assert found.report.events == manifest.totals["events"]


def _older(rows: pa.Table, encoded: pa.Table) -> list[bool]:
    """Which rows come before the last encoded event of their user."""
    last: dict[int, Any] = {}
    for user, at in zip(encoded["user"].to_pylist(), encoded["at"].to_pylist(), strict=True):
        last[user] = max(at, last.get(user, at))
    pairs = zip(rows["user"].to_pylist(), rows["at"].to_pylist(), strict=True)
    return [user in last and at < last[user] for user, at in pairs]


class Crash(BaseException):
    """Ends a run without its doing anything more."""


STEPS = ["write_shard", "add_hashes", "save tokenizer", "save manifest", "replace quarantine", "remove old"]


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True])
def test_an_append_that_breaks_off_was_done_or_was_not(tmp_path: Path, step: str, after: bool, late: bool) -> None:
    in_time = TABLE.sort_by("at")
    encode(TOKENIZER, in_time.slice(10, 300), tmp_path / "out", shards=3)
    shutil.copytree(tmp_path / "out", tmp_path / "once")
    rows = in_time.slice(310) if not late else pa.concat_tables([in_time.slice(310), in_time.slice(0, 10)])
    append(tmp_path / "once", rows)
    with pytest.MonkeyPatch.context() as patch:
        _crash(patch, step, after)
        with pytest.raises(Crash):
            append(tmp_path / "out", rows)
    (tmp_path / "out" / f".left{PARTIAL}").mkdir()
    try:
        append(tmp_path / "out", rows)
    except DataError as error:
        assert "appended before" in str(error)  # noqa: PT017
    assert contents(tmp_path / "out") == contents(tmp_path / "once")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        path.name for path in (tmp_path / "once").iterdir()
    )


def _crash(patch: pytest.MonkeyPatch, step: str, after: bool) -> None:
    """Let the step break off, before it is done or after; then nothing is cleared up, as after a kill."""
    owner, name = {
        "write_shard": (_append, "write_shard"),
        "add_hashes": (_append, "add_hashes"),
        "save tokenizer": (DomainTokenizer, "save"),
        "save manifest": (Manifest, "save"),
        "replace quarantine": (Quarantine, "close"),
        "remove old": (_append._FolderAppend, "_clear"),
    }[step]
    whole = getattr(owner, name)
    calls = []

    def crash(*args: Any, **options: Any) -> Any:
        calls.append(name)
        if name == "_clear" and len(calls) == 1:  # what an earlier run has left
            return whole(*args, **options)
        if after:
            whole(*args, **options)
        elif name == "close":
            Quarantine.discard(args[0])
        raise Crash

    patch.setattr(owner, name, crash)
    patch.setattr(Quarantine, "discard", lambda self: self._file and self._file.close())
    if name != "_clear":
        clear = _append._FolderAppend._clear
        done = []

        def once(self: Any, manifest: Any) -> None:
            done.append(1)
            if len(done) == 1:
                clear(self, manifest)

        patch.setattr(_append._FolderAppend, "_clear", once)


def test_a_file_of_what_was_set_aside_is_checked(tmp_path: Path) -> None:
    table = TABLE.sort_by("at")
    encode(TOKENIZER, table.slice(5), tmp_path)
    append(tmp_path, table.slice(0, 5))
    (tmp_path / "set_aside" / "1.arrow").write_bytes(b"else")
    with pytest.raises(ArtifactError, match=r"set_aside/1\.arrow: was altered"):
        verify(tmp_path, TABLE)


def test_static_fields_are_compared_row_by_row(tmp_path: Path) -> None:
    at = TABLE["at"][0].as_py()
    rows = pa.table({"user": [1] * 4, "at": [at + timedelta(n) for n in range(4)],
                     "land": ["de", "fr", "de", "it"], "what": ["a"] * 4})  # fmt: skip
    tokenizer = DomainTokenizer(STATIC, threads=1).fit(rows)
    encode(tokenizer, rows.slice(0, 1), tmp_path / "parts")
    result = append(tmp_path / "parts", rows.slice(1), on_bad_rows="quarantine")
    encode(tokenizer, rows, tmp_path / "whole", on_bad_rows="quarantine")
    assert (result.counts.rows_in, result.counts.rows_refused) == (3, 2)
    assert rows_of(tmp_path / "parts") == rows_of(tmp_path / "whole")
    assert verify(tmp_path / "parts", rows).problems == ()


def test_an_event_at_the_last_time_that_sorts_before_it_is_older(tmp_path: Path) -> None:
    schema = Schema(entity="user", time="at", order_by="what", fields=(Categorical("what"),))
    at = TABLE["at"][0].as_py()
    rows = pa.table({"user": [1, 1, 1], "at": [at] * 3, "what": ["b", "a", "c"]})
    tokenizer = DomainTokenizer(schema, threads=1).fit(rows)
    encode(tokenizer, rows.slice(0, 1), tmp_path / "out")
    result = append(tmp_path / "out", rows.slice(1))
    assert result.counts.rows_refused == 1
    encode(tokenizer, rows.take([0, 2]), tmp_path / "whole")
    assert rows_of(tmp_path / "out") == rows_of(tmp_path / "whole")


def test_static_fields_have_to_be_those_of_the_history(tmp_path: Path) -> None:
    at = TABLE["at"][0].as_py()
    rows = pa.table({"user": [1, 2, 1, 2], "at": [at, at, at + timedelta(1), at + timedelta(1)],
                     "land": ["de", "fr", "de", "de"], "what": ["a"] * 4})  # fmt: skip
    tokenizer = DomainTokenizer(STATIC, threads=1).fit(rows)
    encode(tokenizer, rows.slice(0, 2), tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(DataError, match="row 1, column 'land': static field is 'de' here, and another value in the"):
        append(tmp_path / "out", rows.slice(2))
    assert contents(tmp_path / "out") == before
    result = append(tmp_path / "out", rows.slice(2), on_bad_rows="quarantine")
    assert (result.counts.rows_in, result.counts.rows_refused) == (2, 1)
    assert {key: len(row["times"]) for key, row in rows_of(tmp_path / "out").items()} == {1: 2, 2: 1}


def test_bad_rows_leave_the_folder_as_it_was(tmp_path: Path) -> None:
    in_time = TABLE.sort_by("at")
    encode(TOKENIZER, in_time.slice(0, 300), tmp_path / "out", shards=3)
    before = contents(tmp_path / "out")
    times = in_time["at"].to_pylist()[300:]
    times[7] = None
    bad = in_time.slice(300).set_column(1, "at", pa.array(times, TABLE.schema.field("at").type))
    with pytest.raises(DataError, match="row 7, column 'at': the time is null"):
        append(tmp_path / "out", bad)
    assert contents(tmp_path / "out") == before
    result = append(tmp_path / "out", bad, on_bad_rows="quarantine")
    assert (result.counts.rows_in, result.counts.rows_refused) == (300, 1)
    assert result.manifest.totals["events"] == 599


def test_rows_that_cannot_be_read_and_rows_that_cannot_be_encoded_are_named_together(tmp_path: Path) -> None:
    encode(TOKENIZER, TABLE, tmp_path / "out", shards=3)
    before = contents(tmp_path / "out")
    (tmp_path / "bad.csv").write_text(
        "user,at,visit,bought,what,brand,price\n1,2030-01-01,v,true,a,b,1\n,2030-01-01,v,true,a,b,1\n1,never,v,true,a,b,x\n"
    )
    with pytest.raises(DataError) as caught:
        append(tmp_path / "out", open_source(tmp_path / "bad.csv", READER))
    assert [(each.line, each.column) for each in caught.value.refusals] == [(3, "user"), (4, "at"), (4, "price")]
    assert caught.value.total == 3
    assert contents(tmp_path / "out") == before


def test_rows_that_are_all_refused_are_an_error_also_with_quarantine(tmp_path: Path) -> None:
    encode(TOKENIZER, TABLE, tmp_path / "out", shards=3)
    before = contents(tmp_path / "out")
    bad = TABLE.slice(0, 5).set_column(0, "user", pa.nulls(5, pa.int64()))
    with pytest.raises(DataError, match="all 5 rows were refused"):
        append(tmp_path / "out", bad, on_bad_rows="quarantine")
    assert contents(tmp_path / "out") == before


def test_conflicting_rows_that_would_be_most_rows_of_their_history_are_known_to_verify(tmp_path: Path) -> None:
    at = TABLE["at"][0].as_py()
    rows = pa.table({"user": [1] * 4, "at": [at + timedelta(n) for n in range(4)],
                     "land": ["de", "fr", "fr", "de"], "what": ["a"] * 4})  # fmt: skip
    encode(DomainTokenizer(STATIC, threads=1).fit(rows), rows.slice(0, 1), tmp_path)
    append(tmp_path, rows.slice(1), on_bad_rows="quarantine")
    found = verify(tmp_path, rows, threads=1)
    assert (found.problems, found.rows_refused) == ((), 2)
    with pytest.raises(DataError, match="already"):
        append(tmp_path, rows.slice(1), on_bad_rows="quarantine")


def test_an_extended_tokenizer_may_append(tmp_path: Path) -> None:
    in_time = TABLE.sort_by("at")
    first, second = in_time.slice(0, 300), in_time.slice(300)
    tokenizer = DomainTokenizer(SCHEMA, threads=1).fit(first)
    encode(tokenizer, first, tmp_path / "out", shards=3)
    fresh = second.set_column(4, "what", pa.array(["return"] * 300))
    extend(tokenizer, fresh, training_only=False)
    append(tmp_path / "out", fresh, tokenizer=tokenizer)
    assert open_encoded(tmp_path / "out").manifest.vocabulary["hash"] == tokenizer.vocabulary.hash
    with pytest.raises(VocabularyMismatchError):
        append(tmp_path / "out", fresh, tokenizer=DomainTokenizer(STATIC, threads=1).fit(
            {"user": [1], "at": TABLE["at"][:1], "land": ["de"], "what": ["a"]}))  # fmt: skip


@pytest.mark.parametrize("column", ["sessions", "statics", "order_by"])
def test_folders_without_what_appending_goes_by_are_refused(tmp_path: Path, column: str) -> None:
    schema = replace(SCHEMA, static=(Categorical("brand"),), fields=(Timestamp("at"),), order_by="what")
    tokenizer = DomainTokenizer(schema, threads=1).fit(TABLE, on_bad_rows="quarantine")
    manifest = encode(tokenizer, TABLE, tmp_path, on_bad_rows="quarantine").manifest
    columns = {name: kind for name, kind in manifest.columns.items() if name != column}
    replace(manifest, columns=columns).save(tmp_path)
    with pytest.raises(ArtifactError, match=f"has no column '{column}' in its shards"):
        append(tmp_path, TABLE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("price", pa.int8()),
        ("price", pa.float32()),
        ("price", pa.decimal128(10, 2)),
        ("price", pa.string()),
        ("size", pa.string()),
        ("size", pa.dictionary(pa.int32(), pa.int64())),
        ("at", pa.timestamp("s")),
        ("at", pa.string()),
        ("at", pa.timestamp("ns", "Asia/Tokyo")),
        ("seen", pa.timestamp("s")),
        ("note", pa.large_string()),
        ("note", pa.dictionary(pa.int8(), pa.string())),
    ],
)
def test_new_rows_may_have_their_values_in_other_types(tmp_path: Path, column: str, kind: pa.DataType) -> None:
    """Of the history, decoding tells values that such a type may not hold: a bucket's mean, parts of a second."""
    schema = Schema(
        entity="user", time="at", fields=(Categorical("size"), Text("note"), Numeric("price", bins=5),
        Timestamp("at"), Timestamp("seen", ("hour",))),
    )  # fmt: skip
    rows = TABLE.select(["user", "at"]).append_column("note", TABLE["brand"])
    rows = rows.append_column("size", pc.multiply(TABLE["user"], 300)).append_column("seen", TABLE["at"])
    rows = rows.append_column("price", pa.array(np.arange(600) % 50 * 1.0))
    fitted = rows.set_column(5, "price", TABLE["price"])
    odd = pc.add(TABLE["at"], pa.scalar(timedelta(microseconds=7)))
    old, new = rows.set_column(1, "at", odd).slice(0, 300), rows.slice(300)
    values = new[column].combine_chunks()
    values = values.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else values.cast(kind)
    if column == "at" and kind == pa.string():
        values = pa.array([text.as_py()[:19] for text in values])
    tokenizer = DomainTokenizer(schema, threads=1).fit(fitted)
    encode(tokenizer, old, tmp_path / "out", shards=2)
    append(tmp_path / "out", new.set_column(new.column_names.index(column), column, values), rewrite=True)
    encode(tokenizer, pa.concat_tables([old, new]), tmp_path / "whole", shards=2)
    assert rows_of(tmp_path / "out") == rows_of(tmp_path / "whole")


def test_labels_may_be_missing_from_new_rows_alone(tmp_path: Path) -> None:
    with_labels, without = TABLE.sort_by("at"), TABLE.sort_by("at").drop_columns("bought")
    encode(TOKENIZER, with_labels.slice(0, 400), tmp_path / "with")
    append(tmp_path / "with", without.slice(400))
    labels = [row["labels"]["bought"] for row in rows_of(tmp_path / "with").values()]
    assert sum(label is None for each in labels for label in each) == 200
    encode(TOKENIZER, without.slice(0, 400), tmp_path / "without")
    with pytest.raises(DataError, match="column 'bought': the folder was made without this label"):
        append(tmp_path / "without", with_labels.slice(400))
    other = with_labels.set_column(3, "bought", pa.array(["maybe"] * 600))
    with pytest.raises(DataError, match="column 'bought': its values are bool in the folder, and string here"):
        append(tmp_path / "with", other.slice(400))


def test_what_cannot_be_appended_to(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is not an encoded folder"):
        append(tmp_path / "none", TABLE)
    encode(TOKENIZER, TABLE, tmp_path / "out")
    (tmp_path / "out" / STATE).touch()
    with pytest.raises(OutputError, match="holds an unfinished encoding"):
        append(tmp_path / "out", TABLE)


def test_rows_set_aside_before_stay_in_the_quarantine_file(tmp_path: Path) -> None:
    table = TABLE.sort_by("at")
    encode(TOKENIZER, table.slice(10), tmp_path)
    for start in (0, 5):
        result = append(tmp_path, table.slice(start, 5))
    assert result.manifest.counts["rows_refused"] == 10
    assert pyarrow.csv.read_csv(tmp_path / "quarantine.csv").num_rows == 10


@pytest.mark.slow
def test_keys_of_another_type_go_on_in_their_histories(tmp_path: Path) -> None:
    old = pa.table({"user": range(40), "at": ["2024-01-01"] * 40, "what": ["x"] * 40})
    new = pa.table({"user": [str(key) for key in range(40)], "at": ["2024-01-02"] * 40, "what": ["x"] * 40})
    tokenizer = DomainTokenizer(Schema(entity=("user",), time="at", fields=(Categorical("what"),))).fit(old)
    both = pa.concat_tables([old, new.set_column(0, "user", old["user"])])
    encode(tokenizer, both, tmp_path / "once", shards=4)
    encode(tokenizer, old, tmp_path / "parts", shards=4)
    append(tmp_path / "parts", new)
    assert rows_of(tmp_path / "parts") == rows_of(tmp_path / "once")
    encode(tokenizer, new, tmp_path / "text", shards=4)
    encode(tokenizer, new.set_column(0, "user", old["user"]), tmp_path / "whole", shards=4)
    assert contents(tmp_path / "text") == contents(tmp_path / "whole")


def test_a_conflict_with_the_encoded_history_is_named_in_any_new_row(tmp_path: Path) -> None:
    old = pa.table({"user": [1, 2, 3], "at": ["2024-01-01"] * 3, "land": ["x"] * 3, "what": ["a"] * 3})
    new = pa.table({
        "user": [1, 3, 2, 3, 2], "at": [f"2024-02-0{day}" for day in range(1, 6)],
        "land": ["x", "x", "x", "x", "y"], "what": ["a"] * 5,
    })  # fmt: skip
    encode(DomainTokenizer(STATIC, threads=1).fit(old), old, tmp_path, shards=1)
    with pytest.raises(DataError) as caught:
        append(tmp_path, new)
    (refusal,) = caught.value.refusals
    assert (refusal.row, refusal.reason) == (4, "static field is 'y' here, and another value in the encoded history")


def test_a_row_that_conflicts_beside_a_bad_one_is_refused_too(tmp_path: Path) -> None:
    schema = replace(STATIC, fields=(*STATIC.fields, Numeric("price")))
    columns = ("user", "at", "land", "what", "price")
    old = [(user, "2024-01-01", "x", "a", "1") for user in (1, 2)]
    new = [(1, "2024-02-01", "x", "a", "bad"), (2, "2024-02-02", "x", "a", "2"), (2, "2024-02-03", "y", "a", "3")]
    before, after = (
        pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))) for rows in (old, new)
    )
    encode(DomainTokenizer(schema, threads=1).fit(before), before, tmp_path, shards=1)
    result = append(tmp_path, after, on_bad_rows="quarantine")
    assert (result.counts.rows_in, result.counts.rows_refused, result.manifest.totals["events"]) == (3, 2, 3)
    assert pyarrow.csv.read_csv(tmp_path / "quarantine.csv")["column"].to_pylist() == ["price", "land"]
    assert verify(tmp_path, pa.concat_tables([before, after]), threads=1).problems == ()
