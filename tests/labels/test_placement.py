"""A label row finds its history, and knows the events before its date and no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import train_folders
from hypothesis import given, settings
from hypothesis import strategies as st

from domaintoolkit.labels import LabelSettings, Placement, place_labels, read_labels
from domaintoolkit.storage import EncodedFolder, open_encoded

TABLE = train_folders.rows(9, 5)
TOKENIZER = train_folders.tokenizer(TABLE)


def folder_of(table: pa.Table, path: Path) -> EncodedFolder:
    return open_encoded(train_folders.write(path, table, TOKENIZER))


def placed(folder: EncodedFolder, users: list[int], times: list[int], including: bool = False) -> Placement:
    table = pa.table({"user": users, "date": pa.array([int(time) for time in times], pa.timestamp("us", "UTC"))})
    return place_labels(folder, read_labels(table, folder, LabelSettings(including=including)))


def test_the_events_before_a_date_are_counted(tmp_path: Path) -> None:
    folder = folder_of(TABLE, tmp_path)
    users, times = np.asarray(TABLE["user"]), np.asarray(TABLE["at"].cast(pa.int64()))
    # as of each event, of the instant before and after it, and of unknown entities
    asked = [*users, *users, *users, 77]
    dates = [*times, *(times - 1), *(times + 1), 0]
    for including in (False, True):
        found = placed(folder, asked, dates, including)
        for row, (user, date) in enumerate(zip(asked, dates, strict=True)):
            own = times[users == user]
            assert found.events[row] == np.count_nonzero(own <= date if including else own < date)
        assert found.unknown.tolist() == [len(asked) - 1]
        assert found.counts["unknown"] == 1
        assert found.counts["without_events"] == int((found.events[:-1] == 0).sum()) > 0
    whole = place_labels(folder, read_labels({"user": [0, 1, 2]}, folder))
    assert whole.events.tolist() == [np.count_nonzero(users == user) for user in range(3)]


def test_the_rows_of_each_batch_come_by_history_and_events(tmp_path: Path) -> None:
    folder = folder_of(TABLE, tmp_path)
    users, times = np.asarray(TABLE["user"]).tolist(), np.asarray(TABLE["at"].cast(pa.int64())).tolist()
    found = placed(folder, [*users, 99][::-1], [*times, 5][::-1])
    seen = []
    for rows in folder.streams():
        chosen = found.of(rows)
        names = rows.table["user"].take(pa.array(found.histories[chosen] - rows.number)).to_pylist()
        assert names == [[*users, 99][::-1][row] for row in chosen]
        assert (np.diff(found.events[chosen])[np.diff(found.histories[chosen]) == 0] >= 0).all()
        seen += chosen.tolist()
    assert sorted(seen) == list(range(1, len(users) + 1))


def test_a_row_without_a_split_has_that_of_its_entity(tmp_path: Path) -> None:
    folder = folder_of(TABLE, tmp_path)
    labels = read_labels({"user": list(range(9)), "split": ["train", "test", *[None] * 7]}, folder)
    own = {
        user: ["train", "validation", "test"].index(split)
        for rows in folder.streams()
        for user, split in zip(rows.table["user"].to_pylist(), rows.table["split"].to_pylist(), strict=True)
    }
    expected = [own[user] for user in range(9)]
    expected[:2] = [0, 2]
    assert place_labels(folder, labels).splits.tolist() == expected


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10**6))
def test_changing_the_future_changes_no_count(seed: int) -> None:
    import tempfile

    generator = np.random.default_rng(seed)
    times = np.asarray(TABLE["at"].cast(pa.int64()))
    date = int(generator.choice(times))
    late = times >= date
    kept = TABLE.filter(pa.array(~late | (generator.random(len(times)) < 0.5)))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        users = sorted(set(kept["user"].to_pylist()))
        before = placed(folder_of(TABLE, Path(one)), users, [date] * len(users))
        after = placed(folder_of(kept, Path(two)), users, [date] * len(users))
        assert before.events.tolist() == after.events.tolist()
    assert int(before.events.sum()) == pc.sum(pc.less(TABLE["at"].cast(pa.int64()), date)).as_py() - sum(
        user not in users for user in TABLE.filter(pa.array(~late))["user"].to_pylist()
    )
