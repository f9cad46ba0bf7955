"""Whole suffixes: the values that follow until a history ends, and the time until then, as process mining scores them.

Both sequences end with the value that ends a history, which is added to a written one that lacks it. Their similarity
is 1 less the restricted Damerau-Levenshtein distance over the longer length.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.generate import Generator, Sampling
from domaintoolkit.grammar import parse_spans
from domaintoolkit.next_events.folder_histories import FieldValues, FolderHistories
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = [
    "Ending",
    "Suffix",
    "SuffixScores",
    "cut_suffixes",
    "distance",
    "rule_suffixes",
    "score_suffixes",
    "written_suffixes",
]

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Codes = tuple[int, ...]

DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Suffix:
    """The values after the first `cut` events of a history, and the µs from its last known event to its last one."""

    row: int
    cut: int
    codes: Codes
    remaining: float
    """NaN without a time column."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a suffix: the number of the value that ends a history (-1 if none does), and the most events."""

    value: int
    longest: int


@dataclass(frozen=True, slots=True)
class SuffixScores:
    """One way to predict suffixes: for each of them its similarity, and the days that it is wrong by."""

    name: str
    similarity: Floats
    days: Floats


def distance(first: Codes, second: Codes) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours that lead from one to the other, each place once."""
    # rows of the table of Damerau and Levenshtein: two before, one before, and the one being filled
    before: list[int] = []
    last = list(range(len(second) + 1))
    for i, left in enumerate(first, 1):
        row = [i]
        for j, right in enumerate(second, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (left != right))
            if i > 1 and j > 1 and left == second[j - 2] and first[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


_distance = lru_cache(1 << 18)(distance)


def cut_suffixes(histories: FolderHistories, values: FieldValues, rows: Longs, cuts: Longs) -> list[Suffix]:
    """The true suffixes of some cases."""
    made = []
    for row, cut in zip(rows.tolist(), cuts.tolist(), strict=True):
        low, high = int(histories.events[row]), int(histories.events[row + 1])
        remaining = float(histories.clock[high - 1] - histories.clock[low + cut - 1])
        made.append(Suffix(row, cut, tuple(values.codes[low + cut : high].tolist()), remaining))
    return made


def rule_suffixes(
    histories: FolderHistories, values: FieldValues, true: list[Suffix], training: NDArray[np.bool_], end: int
) -> list[Suffix]:
    """The most frequent suffix after the last value in training histories (n,), and the median of the time left."""
    following: dict[int, Counter[Codes]] = {}
    left: dict[int, list[float]] = {}
    for row in np.flatnonzero(training).tolist():
        low, high = int(histories.events[row]), int(histories.events[row + 1])
        codes = values.codes[low:high].tolist()
        for cut in range(1, high - low):
            following.setdefault(codes[cut - 1], Counter())[tuple(codes[cut:])] += 1
            gap = float(histories.clock[high - 1] - histories.clock[low + cut - 1])
            if gap == gap:  # NaN without the two times
                left.setdefault(codes[cut - 1], []).append(gap)
    # of suffixes that are equally frequent, the least one
    best = {code: min(found, key=lambda codes: (-found[codes], codes)) for code, found in following.items()}
    medians = {code: float(np.median(found)) for code, found in left.items()}
    whole = float(np.median([each for found in left.values() for each in found])) if left else np.nan
    made = []
    for suffix in true:
        code = int(values.codes[histories.events[suffix.row] + suffix.cut - 1])
        made.append(Suffix(suffix.row, suffix.cut, best.get(code, (end,)), medians.get(code, whole)))
    return made


def written_suffixes(
    generator: Generator,
    histories: FolderHistories,
    values: FieldValues,
    true: list[Suffix],
    ending: Ending,
    draws: int = 0,
) -> list[Suffix]:
    """The suffixes that a model writes, the likeliest token at each step.

    With `draws`, the time left is the median over so many suffixes that are drawn: the likeliest time of each event
    adds up to no likely time of all.
    """
    tokenizer, end = generator.tokenizer, ending.value
    prompts = []
    for suffix in true:
        low = int(histories.events[suffix.row])
        stop = int(histories.event_starts[low + suffix.cut]) if suffix.codes else int(histories.offsets[suffix.row + 1])
        prompts.append(np.asarray(histories.ids[int(histories.offsets[suffix.row]) : stop], np.int64))
    tokens = values.values.tokens[values.values.offsets[end] : values.values.offsets[end + 1]] if end >= 0 else ()
    last = [int(token) for token in tokens]
    # the likeliest token alone; the temperature cannot be 0
    greedy = Sampling(temperature=1e-30, top_k=1)
    written = generator.write(prompts, ending.longest, greedy, stop=last)
    found = [_read(tokenizer, values, suffix, each.ids) for suffix, each in zip(true, written, strict=True)]
    if not draws or histories.times is None:
        return found
    repeated = [prompt for prompt in prompts for _ in range(draws)]
    drawn = generator.write(repeated, ending.longest, Sampling(), stop=last)
    # (cases, draws) µs
    left = np.array([
        _read(tokenizer, values, true[number // draws], each.ids).remaining for number, each in enumerate(drawn)
    ]).reshape(-1, draws)  # fmt: skip
    return [replace(each, remaining=_median(own)) for each, own in zip(found, left, strict=True)]


def _median(values: NDArray[np.float64]) -> float:
    """Without NaN; NaN if there is nothing else."""
    there = values[~np.isnan(values)]
    return float(np.median(there)) if len(there) else np.nan


def _read(tokenizer: DomainTokenizer, values: FieldValues, suffix: Suffix, ids: NDArray[np.int64]) -> Suffix:
    """The values and the time of the events that were written behind those of a case."""
    spans = parse_spans(ids, np.array([0, len(ids)]), tokenizer.grammar)
    starts = np.flatnonzero(spans.places == tokenizer.grammar.header_parts)
    mine = (spans.places >= values.place) & (spans.places < values.place + values.parts)
    codes: list[int] = []
    for event in range(suffix.cut, len(starts)):
        chosen = np.flatnonzero(mine & (spans.events == event))
        tokens = tuple(t for k in chosen for t in ids[spans.begins[k] : spans.begins[k] + spans.lengths[k]].tolist())
        # a value that no history has equals none of them, nor a missing one, which is -1
        codes.append(values.numbers.get(tokens, -2))
    remaining, name = np.nan, tokenizer.schema.time
    if name is not None and codes:
        times: Any = tokenizer.decode(ids)[name].combine_chunks().cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        first, last = times[suffix.cut - 1].as_py(), times[len(times) - 1].as_py()
        remaining = np.nan if first is None or last is None else float(last - first)
    elif name is not None:
        remaining = 0.0
    return Suffix(suffix.row, suffix.cut, tuple(codes), remaining)


def score_suffixes(name: str, true: list[Suffix], told: list[Suffix], end: int) -> SuffixScores:
    """Similarity and absolute error in days of each suffix; `end` is the value that ends a history, -1 if none does."""
    similarity, days = [], []
    for wanted, found in zip(true, told, strict=True):
        left, right = _until(wanted.codes, end), _until(found.codes, end)
        longest = max(len(left), len(right))
        similarity.append(1 - _distance(left, right) / longest if longest else 1.0)
        days.append(abs(max(found.remaining, 0.0) - wanted.remaining) / DAY)
    return SuffixScores(name, np.array(similarity), np.array(days))


def _until(codes: Codes, end: int) -> Codes:
    """The values up to the one that ends the history, which is added if it is not there."""
    if end < 0:
        return codes
    return (*codes[: codes.index(end)], end) if end in codes else (*codes, end)
