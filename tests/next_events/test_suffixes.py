from __future__ import annotations

import pytest

from domaintoolkit.next_events.suffixes import Suffix, distance, score_suffixes


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
