"""The protocol of an encoder: what turns the values of one field into tokens and back.

An encoder knows nothing of ids. Its own tokens are its `slots`, numbered from 0 in their order, and the 256
bytes that all fields share are the numbers -1 - byte. The vocabulary gives both their ids.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.grammar.places import BYTES
from domaintoolkit.util.ragged import Ragged
from domaintoolkit.values.prepared import Ints, Prepared

__all__ = [
    "BYTES",
    "Cells",
    "Encoded",
    "Encoder",
    "EncoderType",
    "Lookup",
    "Slot",
    "State",
    "byte_slots",
    "drop_unused",
]

Lookup = Callable[[Sequence[object]], list[tuple[int, ...]]]
"""Python values to the ids of each: every part of the field, one after another."""


class Slot(NamedTuple):
    """One token of a field.

    (`kind`, `key`) is its identity within the field, for life. `text` is what its readable name says after
    the field's name: `=samsung`, ` 32.5..35.8`. A `start` slot begins its `part`; any other continues it.
    `fusible` slots may become parts of composites: a single token with a meaning of its own. A `whole` slot
    (null, NaN) stands in part 0 for the whole field: the field's later parts hold no token then.
    """

    kind: str
    key: str
    text: str
    part: int = 0
    start: bool = True
    fusible: bool = True
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Cells:
    """The tokens of one part of a field, for n rows: row i holds the sequence number `codes[i]`.

    Sequence s is `slots[offsets[s]:offsets[s + 1]]`, or just `slots[s]` if `offsets` is None. Every
    sequence begins with a start slot of the part and holds no other start slot; it is empty if part 0
    holds a `whole` slot. Repeated values share one sequence; a sequence that no row uses is allowed.
    """

    codes: Ints  # (n,)
    slots: NDArray[np.int32]  # (slots of all sequences,)
    offsets: NDArray[np.int64] | None = None  # (sequences + 1,)

    def sequence(self, number: int) -> NDArray[np.int32]:
        """The slots of sequence `number`."""
        if self.offsets is None:
            return self.slots[number : number + 1]
        return self.slots[self.offsets[number] : self.offsets[number + 1]]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One field of n rows: its parts in order, and how many rows were spelled, hashed, clipped or missing."""

    parts: list[Cells]
    spelled: int = 0
    hashed: int = 0
    clipped: int = 0
    missing: int = 0


class State(ABC):
    """The counts that fitting keeps of one field. Merging is associative and commutative, and exact."""

    def __init__(self, spec: Any) -> None:
        self.spec = spec

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.spec.name!r}>"

    @abstractmethod
    def update(self, values: pa.Array) -> None:
        """Count the prepared `values` in."""

    def note_others(self, values: pa.Array) -> None:  # noqa: B027 - most fields have nothing to note
        """Note what values of rows that are not counted tell, those that are not for training; nothing by default."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Add the counts of `other`."""

    @abstractmethod
    def finalize(self) -> Encoder:
        """The fitted encoder. The state stays usable."""

    @abstractmethod
    def dump(self) -> pa.Table:
        """The state as a table, to travel between processes; equal states give equal tables."""

    @classmethod
    @abstractmethod
    def restore(cls, spec: Any, table: pa.Table) -> Self:
        """The state that `dump` wrote."""


class Encoder(ABC):
    """A fitted encoder of one field. Immutable.

    `slots` are its own tokens and `parts` names the tokens or runs of tokens that a value has: a row has one
    sequence in each part, and exactly one slot, of part 0, means null.
    """

    slots: Sequence[Slot]
    parts: Sequence[str] = ("",)

    def __init__(self, spec: Any) -> None:
        self.spec = spec

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.spec.name!r}: {len(self.slots):,} tokens>"

    @property
    def pieces(self) -> NDArray[np.bool_]:
        """(slots,) True for a learned piece of text."""
        return np.array([slot.kind == "piece" for slot in self.slots], bool)

    @staticmethod
    def prepare(spec: Any, values: pa.Array) -> Prepared:  # noqa: ARG004 - an encoder may need its declaration
        """Bring a column of any supported type to the type that `State.update` and `encode` take."""
        return Prepared(values)

    @abstractmethod
    def encode(self, values: pa.Array) -> Encoded:
        """Tokens of prepared `values`. No value is refused here, and none is unknown."""

    @abstractmethod
    def decode(self, parts: Sequence[Cells], type: pa.DataType) -> pa.Array:
        """Values of type `type` for the rows of `parts`, such that encoding them gives the same tokens.

        Every sequence of `parts` is one that some row has. A field whose tokens stand for no value of `type`
        (a fraction, where whole numbers were fitted) comes back in a wider type.
        Raises `DecodeError` for sequences that `encode` cannot give.
        """

    def sample(self, parts: Sequence[Cells], type: pa.DataType, chances: NDArray[np.float64]) -> pa.Array:
        """As `decode`, but among the values that have the same tokens, `chances` (rows,) in [0, 1) choose one."""
        return self.decode(parts, type)

    @abstractmethod
    def lookup(self, ids: NDArray[np.int64]) -> Lookup:
        """A function from Python values to ids, its tables built once, for one event at a time.

        `ids[slot]` is the id of a slot; of byte b, `ids[-1 - b]`. Gives what `prepare` and `encode` give;
        raises `DataError` for a value that `prepare` refuses.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The data that `from_json` needs in addition to the declaration, as plain JSON."""

    @classmethod
    @abstractmethod
    def from_json(cls, spec: Any, data: dict[str, Any]) -> Self:
        """The encoder that `to_json` wrote; raises `ValueError` if the data is anything else."""

    def extend(self, state: Any) -> Encoder:
        """An encoder with further slots for new values in `state`; existing slots keep their numbers."""
        return self


@dataclass(frozen=True, slots=True)
class EncoderType:
    """An encoder as plugins register it: the name that a schema calls it by, and its two classes."""

    name: str
    state: type[State]
    encoder: type[Encoder]


def byte_slots(data: bytes) -> NDArray[np.int32]:
    """The slot numbers of bytes: -1 - byte."""
    return -1 - np.frombuffer(data, np.uint8).astype(np.int32)


def drop_unused(cells: Cells) -> Cells:
    """The same cells without the sequences that no row has."""
    used = np.bincount(cells.codes, minlength=1) > 0
    kept = np.flatnonzero(used)
    # (rows,) numbers among the sequences that are kept
    codes = (np.cumsum(used) - 1)[cells.codes]
    if cells.offsets is None:
        return Cells(codes, cells.slots[kept])
    sequences = Ragged(cells.slots, cells.offsets).take(kept)
    return Cells(codes, sequences.values, sequences.offsets)
