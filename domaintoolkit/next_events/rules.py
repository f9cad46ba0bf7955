"""Simple rules that predict the next value: the ones that every analyst tries first."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.next_events.cases import Cases
from domaintoolkit.next_events.context import Sequences
from domaintoolkit.util.ragged import positions

__all__ = ["CoOccurrence", "LastValue", "Markov", "MostFrequent", "OwnFrequency", "Ranker"]

Floats = NDArray[np.float64]

NEAR = 10
"""Values of a series that are at most so far apart occur together."""
RECENT = 100
"""Values before a case that co-occurrence looks at."""
TUNED, HELD = 1000, 1 << 23
"""Series on which the settings of co-occurrence are chosen, and scores that are held meanwhile."""


class Ranker(Protocol):
    """A way to score all V values for cases."""

    name: str
    is_probability: bool
    """True if the scores are the probabilities of the values."""

    def scores(self, cases: Cases, known: Sequences) -> NDArray[Any]:
        """(n, V) the higher, the likelier; `known` are the values before each case."""


class MostFrequent:
    """The values that are most frequent in training."""

    name, is_probability = "most frequent", True

    def __init__(self, training: Sequences) -> None:
        counts = np.bincount(training.codes, minlength=training.size).astype(np.float64)
        # half a count each, so that no value that occurs is impossible
        self.shares = (counts + 0.5) / (counts.sum() + 0.5 * max(training.size, 1))

    def scores(self, cases: Cases, known: Sequences) -> Floats:
        return np.repeat(self.shares[None], len(cases), 0)


class LastValue:
    """The last value again; others by how frequent they are."""

    name, is_probability = "last value", False

    def __init__(self, training: Sequences) -> None:
        self.shares = MostFrequent(training).shares

    def scores(self, cases: Cases, known: Sequences) -> Floats:
        found = np.repeat(self.shares[None], len(cases), 0)
        there = known.last >= 0
        # above all shares, which are below 1
        found[np.flatnonzero(there), known.last[there]] += 1
        return found


class OwnFrequency:
    """The share of a value in its own history, in which later ones weigh more, with its share in training.

    A value weighs `decay` times as much as the one after it, or, if sessions are predicted, as one of the session
    after; `mixed` is the weight of the shares in training. Both are those that predict the last values of training
    series best.
    """

    name, is_probability = "own frequency", False

    def __init__(self, training: Sequences) -> None:
        self.shares = MostFrequent(training).shares
        trial = _Trial(training)
        choices = [(decay, mixed) for decay in (1.0, 0.99, 0.95, 0.9, 0.8) for mixed in (0.1, 10.0, 30.0)]
        self.decay, self.mixed = max(choices, key=lambda each: trial.quality(self._score(trial.known, *each)))

    def _score(self, known: Sequences, decay: float, mixed: float) -> Floats:
        found = np.repeat(self.shares[None] * mixed, len(known), 0)
        # a value that occurs twice has the sum of both weights
        np.add.at(found, (known.owners, known.codes), decay ** known.ages.astype(np.float64))
        return found

    def scores(self, cases: Cases, known: Sequences) -> Floats:
        return self._score(known, self.decay, self.mixed)


class _Trial:
    """The last values of some training series, to be predicted from those before them."""

    def __init__(self, training: Sequences) -> None:
        most = min(TUNED, max(50, HELD // max(training.size, 1)))
        rows = np.flatnonzero(np.diff(training.offsets) > 1)
        # evenly over all series
        rows = rows[:: max(1, len(rows) // most)][:most]
        ends = training.offsets[1:][rows] - 1  # (series,) places of their last values
        kept = np.ones(len(training.codes), np.bool_)
        kept[ends] = False
        counts = np.bincount(training.owners[kept], minlength=len(training))
        self.rest = training.pick(np.flatnonzero(kept), counts)
        """The training series without these values."""
        lengths = counts[rows]
        self.known = self.rest.pick(positions(self.rest.offsets[:-1][rows], lengths), lengths)
        self.targets = training.codes[ends]

    def quality(self, scores: Floats) -> float:
        """NDCG over all ranks."""
        # (series,)
        own = scores[np.arange(len(self.targets)), self.targets]
        # (series,) of equal scores the last place: a rule that cannot tell values apart earns nothing by it
        ranks = np.count_nonzero(scores >= own[:, None], axis=1)
        return float((1 / np.log2(ranks + 1)).mean()) if len(ranks) else 0.0


class Markov:
    """Values that followed the last one in training, mixed with the most frequent by Witten and Bell's rule (1991)."""

    name, is_probability = "Markov", True

    def __init__(self, training: Sequences) -> None:
        import scipy.sparse as sparse

        self.frequent = MostFrequent(training)
        owners, size = training.owners, training.size
        # pairs of neighbours in one series
        follows = owners[1:] == owners[:-1]
        before, after = training.codes[:-1][follows], training.codes[1:][follows]
        ones = np.ones(len(before))
        self.counts: Any = sparse.csr_matrix((ones, (before, after)), (size, size))
        self.counts.sum_duplicates()

    def scores(self, cases: Cases, known: Sequences) -> Floats:
        last = known.last
        rows = self.counts[np.maximum(last, 0)]
        # (n, V); no counts if there is no last value
        counts = rows.toarray() * (last >= 0)[:, None]
        # (n, 1) kinds that followed are the weight of the most frequent
        kinds = np.maximum((counts > 0).sum(1, keepdims=True), 1.0)
        return np.asarray((counts + kinds * self.frequent.shares) / (counts.sum(1, keepdims=True) + kinds))


class CoOccurrence:
    """Values that occur near those of the history, the later ones weighing more.

    Two values of a series that are d apart, at most `NEAR`, count 1/d, in this order or in both; the counts are divided
    by a power of how frequent both are, and a value of the history weighs `decay` times that of the one after it.
    Order, power and decay are those that predict the last values of training series best.
    """

    name, is_probability = "co-occurrence", False

    def __init__(self, training: Sequences) -> None:
        self.shares = MostFrequent(training).shares
        self.both, self.power, self.decay = self._tune(training)
        self.matrix = self._normalise(self._count(training, self.both), training, self.power)

    def _tune(self, training: Sequences) -> tuple[bool, float, float]:
        """The settings with the best NDCG of the last values of some series, which are not counted meanwhile."""
        trial = _Trial(training)
        best, found = -1.0, (True, 0.5, 0.8)
        for both in (True, False):
            pairs = self._count(trial.rest, both)
            for power in (0.0, 0.5, 1.0):
                matrix = self._normalise(pairs, trial.rest, power)
                for decay in (0.3, 0.6, 0.8, 0.95):
                    quality = trial.quality(self._score(matrix, trial.known, decay))
                    if quality > best:
                        best, found = quality, (both, power, decay)
        return found

    @staticmethod
    def _count(training: Sequences, both: bool) -> Any:
        import scipy.sparse as sparse

        size, owners = training.size, training.owners
        total = sparse.csr_matrix((size, size))
        for apart in range(1, NEAR + 1):
            if len(owners) <= apart:
                break
            # pairs of one series that are `apart` places apart
            near = owners[apart:] == owners[:-apart]
            before, after = training.codes[:-apart][near], training.codes[apart:][near]
            total = total + sparse.csr_matrix((np.full(len(before), 1 / apart), (before, after)), (size, size))
        return (total + total.T).tocsr() if both else total

    @staticmethod
    def _normalise(pairs: Any, training: Sequences, power: float) -> Any:
        import scipy.sparse as sparse

        counts = np.bincount(training.codes, minlength=training.size).astype(np.float64)
        # (V, V): dividing rows and columns is a product with a diagonal matrix from both sides
        scale = sparse.diags(np.maximum(counts, 1.0) ** -power)
        return (scale @ pairs @ scale).tocsr()

    def _score(self, matrix: Any, known: Sequences, decay: float) -> Floats:
        import scipy.sparse as sparse

        recent = known.ages < RECENT
        weights = decay ** known.ages[recent].astype(np.float64)
        shape = (len(known), known.size)
        # (n, V); a value that occurs twice has the sum of its weights
        history = sparse.csr_matrix((weights, (known.owners[recent], known.codes[recent])), shape)
        # what never occurred with any is in the order of how frequent it is
        return np.asarray((history @ matrix).toarray() + self.shares * 1e-9)

    def scores(self, cases: Cases, known: Sequences) -> Floats:
        return self._score(self.matrix, known, self.decay)
