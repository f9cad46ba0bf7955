"""Baselines that a model has to beat: uniform, unigram, and first-order Markov over each part of an event.

The Markov model is a mixture of four: what followed the previous value, the unigram, the previous value again,
and the value spelled token by token, so that every sequence has a probability. Its weights depend on how often
the previous value was seen, and are found by expectation maximisation on validation events (Jelinek and Mercer
1980). The unigram is the same without the first and the third. Spelling is a bigram over a part's tokens and its
end, smoothed by Witten and Bell's rule (1991) down to the uniform.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.evaluate.part_sequences import PartSequences
from domaintoolkit.grammar import Syntax
from domaintoolkit.util.hashing import mix

__all__ = ["Baseline", "PartModel", "Spelling"]

Floats = NDArray[np.float64]
Codes = NDArray[np.uint64]
BYTES = 256
ROUNDS = 40
"""Rounds of expectation maximisation; the likelihood changes by less than 1e-4 bits after 30."""
START = np.uint64(0x5745_1A27_5EED_0001)
"""The value before a window's first."""


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """The number of times that each key was seen; call it with keys."""

    keys: Codes
    numbers: Floats

    @classmethod
    def of(cls, keys: Codes) -> KeyCounts:
        found, numbers = np.unique(keys, return_counts=True)
        return cls(found, numbers.astype(np.float64))

    def __call__(self, keys: Codes) -> Floats:
        """The count of each of `keys`, 0 for those never seen."""
        if not len(self.keys):
            return np.zeros(len(keys))
        # (n,) where each key is, if it was seen; the comparison finds out
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.numbers[at], 0.0)

    @property
    def total(self) -> float:
        return float(self.numbers.sum())


def _pairs(left: Codes, right: Codes) -> Codes:
    return mix(mix(left) ^ right)


class Spelling:
    """The probability of any sequence of a part, token by token: its start, then each next token or the end.

    `starts` tokens can begin the part, and `others` can continue it.
    """

    def __init__(self, seen: PartSequences, starts: int, others: int) -> None:
        self.choices = others + BYTES + 1
        now, after, first = _steps(seen)
        self.starts = starts
        self.start = KeyCounts.of(seen.tokens[first].astype(np.uint64))
        self.unigram = KeyCounts.of(after)
        self.bigram = KeyCounts.of(_pairs(now, after))
        self.context = KeyCounts.of(now)
        # one token of each distinct pair, so that counts are the number of kinds that follow
        self.kinds = KeyCounts.of(now[np.unique(_pairs(now, after), return_index=True)[1]])

    def __call__(self, asked: PartSequences) -> Floats:
        """(n,) the probability of each sequence."""
        now, after, first = _steps(asked)
        kinds = max(1, len(self.unigram.keys))
        # (tokens,) the unigram, smoothed to the uniform over all that can follow
        lower = (self.unigram(after) + kinds / self.choices) / (self.unigram.total + kinds)
        seen, follow = self.context(now), self.kinds(now)
        # Witten and Bell: the unigram weighs as much as kinds were seen; all of it after a token that was never seen
        weight = np.maximum(follow, 1.0)
        nats = np.log((self.bigram(_pairs(now, after)) + weight * lower) / (seen + weight))
        # (n,) the first tokens, with half a count for each that can begin the part
        begin = self.start(asked.tokens[first].astype(np.uint64))
        nats_start = np.log((begin + 0.5) / (self.start.total + 0.5 * max(self.starts, 1)))
        sums = np.add.reduceat(nats, asked.offsets[:-1]) if len(asked) else np.zeros(0)
        # exp(-746) is 0 in float64, and the mixture's logarithm would be infinite
        return np.exp(np.maximum(sums + nats_start, -700.0))


def _steps(sequences: PartSequences) -> tuple[Codes, Codes, NDArray[np.int64]]:
    """(tokens, followers, begins): each token, the next in its sequence + 1 (0 for the end), where sequences begin."""
    now = sequences.tokens.astype(np.uint64)
    after = np.zeros(len(now), np.uint64)
    after[:-1] = now[1:] + np.uint64(1)
    after[sequences.offsets[1:] - 1] = 0
    return now, after, sequences.offsets[:-1]


def _previous(sequences: PartSequences) -> Codes:
    before = np.concatenate([[START], sequences.code[:-1]]).astype(np.uint64)[: len(sequences)]
    return np.where(sequences.first, START, before)


class PartModel:
    """The mixture for one part. `markov=False` leaves the previous value out of it."""

    def __init__(self, seen: PartSequences, tune: PartSequences, spelling: Spelling, markov: bool) -> None:
        self.markov, self.spelling = markov, spelling
        self.unigram = KeyCounts.of(seen.code)
        before = _previous(seen)
        self.context, self.bigram = KeyCounts.of(before), KeyCounts.of(_pairs(before, seen.code))
        components, bucket = self._components(tune)[tune.counted], self._bucket(tune)[tune.counted]
        self.weights = {
            number: _maximise_likelihood(components[bucket == number]) for number in np.unique(bucket).tolist()
        }
        self.otherwise = _maximise_likelihood(components)

    def _components(self, asked: PartSequences) -> Floats:
        """(n, 4) the probability of each sequence under each member of the mixture."""
        before = _previous(asked)
        members = np.zeros((len(asked), 4))
        members[:, 0] = self.spelling(asked)
        members[:, 1] = self.unigram(asked.code) / max(1.0, self.unigram.total)
        if self.markov:
            members[:, 2] = self.bigram(_pairs(before, asked.code)) / np.maximum(1.0, self.context(before))
            members[:, 3] = asked.code == before
        return members

    def _bucket(self, asked: PartSequences) -> NDArray[np.int64]:
        """Powers of four of the count of the previous value; the first event of a window has one of its own."""
        if not self.markov:
            return np.zeros(len(asked), np.int64)
        size = np.ceil(np.log2(1.0 + self.context(_previous(asked))) / 2).astype(np.int64)
        return np.where(asked.first, -1, size)

    def nats(self, asked: PartSequences) -> Floats:
        """(n,) the nats of each sequence."""
        members, bucket = self._components(asked), self._bucket(asked)
        weights = np.empty((len(asked), 4))
        for number in np.unique(bucket).tolist():
            weights[bucket == number] = self.weights.get(number, self.otherwise)
        return np.asarray(-np.log((members * weights).sum(1)), np.float64)


def _maximise_likelihood(members: Floats) -> Floats:
    """The weights of a mixture that make the rows most likely; half a row of prior for each keeps them all above 0."""
    weights = np.full(members.shape[1], 1 / members.shape[1])
    for _ in range(ROUNDS):
        shares = members * weights
        # a row that no member explains has the sum 0
        shares /= np.maximum(shares.sum(1, keepdims=True), 1e-300)
        weights = (shares.sum(0) + 0.5) / (len(members) + 0.5 * members.shape[1])
    return weights


class Baseline:
    """A model of every part, and of session marks; the parts are independent."""

    def __init__(
        self, name: str, seen: list[PartSequences], tune: list[PartSequences], grammar: Syntax, markov: bool
    ) -> None:
        self.name = name
        self.parts = [
            PartModel(mine, other, Spelling(mine, *sizes), markov)
            for mine, other, sizes in zip(seen, tune, _sizes(grammar), strict=True)
        ]

    def nats(self, asked: list[PartSequences], groups: int) -> Floats:
        """(groups, parts) the nats of the events of each group; the last part is the session marks."""
        columns = [
            np.bincount(sequences.group, model.nats(sequences) * sequences.counted, groups)
            for model, sequences in zip(self.parts, asked, strict=True)
        ]
        return np.stack(columns, 1)


def _sizes(grammar: Syntax) -> list[tuple[int, int]]:
    """(starts, others): the number of tokens that begin and that continue each event part, then the session marks."""
    place: Any = grammar.place
    start: Any = np.asarray(grammar.start)
    parts = range(grammar.header_parts, grammar.header_parts + grammar.event_parts)
    # a session mark is one of two values, and nothing continues it
    return [*((int((start & (place == part)).sum()), int((~start & (place == part)).sum())) for part in parts), (2, 0)]
