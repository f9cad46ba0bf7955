"""`CompositeModel`: the merges that have been learned, and the base tokens of each composite."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import ArtifactError

__all__ = ["FORMAT", "CompositeModel", "CompositePart"]

FORMAT = 1


class CompositePart(NamedTuple):
    """A base token within a composite, and which of the composite's events it belongs to, from 0."""

    event: int
    token: int


@dataclass(frozen=True, eq=False, repr=False)
class CompositeModel:
    """n merges in the order they were learned. Immutable.

    A merge joins `left` and `right`, base tokens or earlier composites, to the composite `id`. Its `relation` is
    1 if `right` begins in the event after the last of `left`, and 0 if they share an event. Undirected models have no
    relation, so their composites across events cannot be decoded.
    """

    merges: NDArray[np.int64]
    """(n, 4) left, right, relation, id."""
    # a weight is a sum of 2 / |A| for each set A that holds both halves, and 1 / (|A| |B|) for neighbouring sets
    weights: NDArray[np.float64]
    """(n,) the expected adjacencies of each pair when it was merged."""
    counts: NDArray[np.int64]
    """(n,) how often each merge was made in construction."""
    levels: NDArray[np.int64]
    """(m, 2) continuation tokens that may take part, and where in its part's sequence each always stands."""
    fields: tuple[str, ...] | None = None
    across_events: bool = True
    directed: bool = True

    def __len__(self) -> int:
        return len(self.merges)

    def __repr__(self) -> str:
        return f"<CompositeModel of {len(self):,} composites>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CompositeModel) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]

    @property
    def ids(self) -> NDArray[np.int64]:
        """(n,) the id of each composite; rising."""
        return self.merges[:, 3]

    @property
    def decodable(self) -> bool:
        """Return True if streams expand to base tokens."""
        return self.directed or not self.across_events

    @cached_property
    def pieces(self) -> tuple[tuple[CompositePart, ...], ...]:
        """The base tokens of each composite, by event; in undirected models every event is 0."""
        # a merge comes after those of its halves, so one pass knows both
        known: dict[int, tuple[CompositePart, ...]] = {}
        for left, right, relation, number in self.merges.tolist():
            first, second = known.get(left, (CompositePart(0, left),)), known.get(right, (CompositePart(0, right),))
            # the right half begins in the last event of the left one (relation 0), or in the one after it (1)
            shift = first[-1].event + relation if self.directed else 0
            known[number] = first + tuple(CompositePart(piece.event + shift, piece.token) for piece in second)
        return tuple(known[number] for number in self.ids.tolist())

    @cached_property
    def flat_pieces(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
        """`pieces` as (tokens, events, offsets (n + 1,))."""
        # (pieces of all composites, 2): event and token; a model without merges keeps the two columns
        flat = np.array([piece for pieces in self.pieces for piece in pieces], np.int32).reshape(-1, 2)
        offsets = np.cumsum([0, *map(len, self.pieces)], dtype=np.int64)
        return np.ascontiguousarray(flat[:, 1]), np.ascontiguousarray(flat[:, 0]), offsets

    def spans(self, size: int) -> NDArray[np.int64]:
        """(size,) the number of events that each id covers."""
        _, events, offsets = self.flat_pieces
        result = np.ones(size, np.int64)
        # the events of a composite's pieces never fall, so its last piece is in its last event
        result[self.ids] = events[offsets[1:] - 1] + 1
        return result

    def to_json(self) -> dict[str, Any]:
        """The model as plain JSON data."""
        return {
            "format": FORMAT,
            "directed": self.directed,
            "across_events": self.across_events,
            "fields": None if self.fields is None else list(self.fields),
            "merges": self.merges.tolist(),
            "weights": self.weights.tolist(),
            "counts": self.counts.tolist(),
            "levels": self.levels.tolist(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CompositeModel:
        """The model that `to_json` wrote; raises `ArtifactError` for anything else."""
        try:
            model = cls(
                np.array(data["merges"], np.int64).reshape(-1, 4),
                np.array(data["weights"], np.float64).reshape(-1),
                np.array(data["counts"], np.int64).reshape(-1),
                np.array(data["levels"], np.int64).reshape(-1, 2),
                None if data["fields"] is None else tuple(map(str, data["fields"])),
                bool(data["across_events"]),
                bool(data["directed"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ArtifactError("composites", f"not a model of composites: {error!r}") from None
        if problem := _problem(model):
            raise ArtifactError("composites", problem)
        return model


def _problem(model: CompositeModel) -> str | None:
    """The first problem of merges that were read from a file."""
    merges, ids = model.merges, model.ids
    if not len(merges) == len(model.weights) == len(model.counts):
        return "merges, weights and counts differ in length"
    if not np.isfinite(model.weights).all() or (model.weights < 0).any():
        return "a weight is not a number, or below 0"
    # two ids share the 63 bits of a pair key (kernels/merge_table.py)
    if len(merges) and (merges.min() < 0 or merges[:, :3].max() >= 1 << 30):
        return "a merge holds an id out of range"
    if (np.diff(ids) <= 0).any():
        return "the ids of composites are not in ascending order"
    # (n, 2) beside (n, 1): halves are older than their composite, so that `pieces` and every expansion end
    if (merges[:, :2] >= ids[:, None]).any():
        return "a merge joins tokens that come after it"
    if not np.isin(merges[:, 2], (0, 1)).all():
        return "a relation is neither 0 nor 1"
    return None
