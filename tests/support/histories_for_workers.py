"""A tokenizer that was used, and histories for it, as worker processes take them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from signal import ITIMER_REAL, SIGALRM, setitimer, signal
from types import FrameType
from typing import Any, NoReturn

import pyarrow as pa

from domaintoolkit import Categorical, DomainTokenizer, Numeric, Schema, Text, Timestamp

SCHEMA = Schema(
    entity="user",
    time="at",
    static=[Categorical("land")],
    fields=[
        Categorical("what", max_size=3),
        Numeric("price"),
        Text("note", vocabulary_size=20),
        Timestamp("at", parts=["year", "hour"], zone="Europe/Berlin"),
    ],
)
HISTORIES = 12
EVENTS = 6

Row = dict[str, Any]


def history(user: int) -> list[Row]:
    """The events of one user; every second one at the time of the one before."""
    return [
        {
            "user": user,
            "land": "fr" if user % 2 else "de",
            "at": f"202{event % 4}-03-{1 + user:02d}T{event // 2:02d}:00",
            "what": f"w{(user * event) % 7}",
            "price": float(user + event),
            "note": f"{user} and {event} and {user}",
        }
        for event in range(EVENTS)
    ]


def table() -> pa.Table:
    return pa.Table.from_pylist([row for user in range(HISTORIES) for row in history(user)])


def used_tokenizer() -> DomainTokenizer:
    """A tokenizer whose threads and look-up tables are there already."""
    tokenizer = DomainTokenizer(SCHEMA, threads=2).fit(table())
    tokenizer.encode(table())
    tokenizer.encode_entity(history(0))
    return tokenizer


class EncodedHistories:
    """A data set of token ids that are encoded when they are asked for: one history in two ways, which must agree."""

    def __init__(self, tokenizer: DomainTokenizer) -> None:
        self.tokenizer = tokenizer

    def __len__(self) -> int:
        return HISTORIES

    def __getitem__(self, user: int) -> list[int]:
        ids: list[int] = self.tokenizer.encode_entity(history(user)).tolist()
        as_table: list[int] = self.tokenizer.encode(history(user))[0].tolist()
        assert ids == as_table
        return ids


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` in the main thread, also while it waits for a lock or a process."""

    def stop(_: int, __: FrameType | None) -> NoReturn:
        raise TimeoutError(f"not done after {seconds:g} s")

    before = signal(SIGALRM, stop)
    setitimer(ITIMER_REAL, seconds)
    try:
        yield
    finally:
        setitimer(ITIMER_REAL, 0)
        signal(SIGALRM, before)
