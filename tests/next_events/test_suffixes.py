from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from domaintoolkit.generate import Sampling
from domaintoolkit.next_events import suffixes
from domaintoolkit.next_events.suffixes import Ending, Suffix, distance, score_suffixes, written_suffixes


@pytest.mark.parametrize(
    ("first", "second", "edits"),
    [
        ("abc", "abc", 0),
        ("", "ab", 2),
        ("ab", "ba", 1),
        ("abcd", "acbd", 1),
        ("ca", "abc", 3),
        ("kitten", "sitting", 3),
    ],
)
def test_the_distance_swaps_neighbours_but_edits_no_place_twice(first: str, second: str, edits: int) -> None:
    assert distance(tuple(map(ord, first)), tuple(map(ord, second))) == edits
    assert distance(tuple(map(ord, second)), tuple(map(ord, first))) == edits


def test_a_suffix_ends_with_the_end_whether_it_was_written_or_not() -> None:
    end, day = 9, 86_400_000_000
    true = [Suffix(0, 1, (1, 2, end), 2.0 * day), Suffix(1, 1, (end,), 0.0)]
    told = [Suffix(0, 1, (1, 2), 5.0 * day), Suffix(1, 1, (end, 3, 4), -day)]
    found = score_suffixes("rule", true, told, end)
    assert found.similarity.tolist() == [1, 1]
    assert found.days.tolist() == [3, 0]


def test_the_time_left_is_the_median_of_suffixes_that_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two cases: the values come from the likeliest suffix, the times from three drawn ones each."""
    lefts = {"likeliest": [50.0, 60.0], "drawn": [1.0, 9.0, 2.0, 30.0, 10.0, 11.0]}

    class Writer:
        tokenizer = None

        def write(self, prompts: list[Any], longest: int, sampling: Sampling, stop: list[int]) -> list[Any]:
            assert (longest, stop) == (5, [7])
            kind = "drawn" if sampling.temperature == 1 else "likeliest"
            assert len(prompts) == len(lefts[kind])
            return [SimpleNamespace(ids=(kind, left)) for left in lefts[kind]]

    def read(_: Any, __: Any, suffix: Suffix, ids: tuple[str, float]) -> Suffix:
        return Suffix(suffix.row, suffix.cut, (1,) if ids[0] == "likeliest" else (2,), ids[1])

    monkeypatch.setattr(suffixes, "_read", read)
    histories: Any = SimpleNamespace(
        events=np.array([0, 2, 4]), event_starts=np.arange(4), offsets=np.array([0, 2, 4]), ids=np.arange(4),
        times=np.arange(4),
    )  # fmt: skip
    values: Any = SimpleNamespace(values=SimpleNamespace(tokens=np.array([7]), offsets=np.array([0, 1])))
    true = [Suffix(0, 1, (0,), 1.0), Suffix(1, 1, (0,), 1.0)]
    writer: Any = Writer()
    found = written_suffixes(writer, histories, values, true, Ending(0, 5), draws=3)
    assert found == [Suffix(0, 1, (1,), 2.0), Suffix(1, 1, (1,), 11.0)]
    assert [each.remaining for each in written_suffixes(writer, histories, values, true, Ending(0, 5))] == [50, 60]
