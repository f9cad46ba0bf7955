from __future__ import annotations

from pathlib import Path

import pyarrow as pa

import domaintoolkit as dt
from domaintoolkit.jobs import append, encode, verify


def test_of_rows_that_differ_in_the_split_alone_the_later_are_those_set_aside(tmp_path: Path) -> None:
    schema = dt.Schema(
        entity="user",
        time="at",
        untimed="static",
        static=[dt.Categorical("country")],
        fields=[dt.Categorical("what"), dt.Timestamp("at")],
        split=dt.Split(column="set"),
    )

    def rows(user: list[int], split: list[str]) -> pa.Table:
        null = pa.nulls(len(user), pa.string())
        at = pa.nulls(len(user), pa.timestamp("us", "UTC"))
        return pa.table({"user": user, "at": at, "what": null, "country": null, "set": split})

    first, second = rows([0, 1], ["train", "validation"]), rows([1, 1], ["train", "train"])
    encode(dt.DomainTokenizer(schema).fit(first), first, tmp_path / "out")
    append(tmp_path / "out", second)
    assert verify(tmp_path / "out", pa.concat_tables([first, second]), threads=1).problems == ()
