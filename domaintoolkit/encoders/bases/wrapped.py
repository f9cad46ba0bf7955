"""`WrappedEncoder`: values are changed into others, which a built-in encoder encodes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders.base import Cells, Encoded, Encoder, EncoderType, Lookup, State
from domaintoolkit.encoders.categorical.encoder import CATEGORICAL
from domaintoolkit.encoders.numeric.encoder import NUMERIC
from domaintoolkit.encoders.text.encoder import TEXT
from domaintoolkit.encoders.timestamp.encoder import TIMESTAMP
from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.values.prepared import Prepared

__all__ = ["WrappedEncoder"]

INNER = {kind.name: kind for kind in (CATEGORICAL, NUMERIC, TEXT, TIMESTAMP)}


class WrappedState(State):
    """The state of the built-in encoder."""

    encoder: ClassVar[type[WrappedEncoder]]

    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        inner = self.encoder.field(spec)
        self.inner: State = INNER[inner.type].state(inner)

    def update(self, values: pa.Array) -> None:
        self.inner.update(values)

    def merge(self, other: Self) -> None:
        self.inner.merge(other.inner)

    def finalize(self) -> WrappedEncoder:
        return self.encoder(self.spec, self.inner.finalize())

    def dump(self) -> pa.Table:
        return self.inner.dump()

    @classmethod
    def restore(cls, spec: Any, table: pa.Table) -> Self:
        state = cls(spec)
        state.inner = type(state.inner).restore(state.inner.spec, table)
        return state


class WrappedEncoder(Encoder):
    """Base class of an encoder that changes values and leaves them to a built-in encoder.

    A subclass names itself and gives three things: the field that the changed values are encoded as, the change, and
    the way back, such that a value that came back changes into an equal one. `encoder_type` is what its plugin
    registers::

        class Celsius(WrappedEncoder, name="celsius"):
            @classmethod
            def field(cls, spec):
                return Numeric(spec.name, bins=spec.options.get("bins", 32))

            @classmethod
            def change(cls, spec, values):
                return pc.multiply(pc.subtract(values.cast("float64"), 32.0), 5 / 9)

            @classmethod
            def change_back(cls, spec, values, type):
                return pc.add(pc.multiply(values, 9 / 5), 32.0).cast(type)
    """

    encoder_type: ClassVar[EncoderType]
    State: ClassVar[type[WrappedState]]

    def __init_subclass__(cls, name: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if name is not None:
            # an attribute of the class, so that a state can be pickled
            members = {"encoder": cls, "__module__": cls.__module__, "__qualname__": f"{cls.__qualname__}.State"}
            cls.State = type("State", (WrappedState,), members)
            cls.encoder_type = EncoderType(name, cls.State, cls)

    @classmethod
    @abstractmethod
    def field(cls, spec: Any) -> Any:
        """The `Categorical`, `Numeric`, `Text` or `Timestamp` (without a delta) that encodes the changed values."""

    @classmethod
    @abstractmethod
    def change(cls, spec: Any, values: pa.Array) -> pa.Array | Prepared:
        """The changed values, row by row, null for null; as `Prepared`, with the rows that are refused."""

    @classmethod
    @abstractmethod
    def change_back(cls, spec: Any, values: pa.Array, type: pa.DataType) -> pa.Array:
        """Values of type `type` that change into `values`; the numbers of a field that saw none in training are NaN."""

    def __init__(self, spec: Any, inner: Encoder) -> None:
        super().__init__(spec)
        self.inner = inner
        self.slots, self.parts = inner.slots, inner.parts

    @property
    def pieces(self) -> NDArray[np.bool_]:
        return self.inner.pieces

    @classmethod
    def _change(cls, spec: Any, values: pa.Array) -> Prepared:
        made = cls.change(spec, values)
        return made if isinstance(made, Prepared) else Prepared(made)

    @classmethod
    def prepare(cls, spec: Any, values: pa.Array) -> Prepared:
        changed = cls._change(spec, values)
        inner = cls.field(spec)
        made = INNER[inner.type].encoder.prepare(inner, changed.values)
        refused = dict([*made.refused, *changed.refused])
        return Prepared(made.values, sorted(refused.items()))

    def encode(self, values: pa.Array) -> Encoded:
        return self.inner.encode(values)

    def decode(self, parts: Sequence[Cells], type: pa.DataType) -> pa.Array:
        return self.change_back(self.spec, self.inner.decode(parts, self._inner_type(type)), type)

    def sample(self, parts: Sequence[Cells], type: pa.DataType, chances: NDArray[np.float64]) -> pa.Array:
        return self.change_back(self.spec, self.inner.sample(parts, self._inner_type(type), chances), type)

    def _inner_type(self, type: pa.DataType) -> pa.DataType:
        """The type that values of `type` are changed into."""
        return self._change(self.spec, pa.array([], type)).values.type

    def lookup(self, ids: NDArray[np.int64]) -> Lookup:
        inner = self.inner.lookup(ids)

        def look_up(values: Sequence[object]) -> list[tuple[int, ...]]:
            present = [value for value in values if value is not None]
            changed = self._change(self.spec, pa.array(present)) if present else Prepared(pa.nulls(0))
            if changed.refused:
                raise DataError([Refusal(None, self.spec.name, changed.refused[0][1])])
            others = iter(changed.values.to_pylist())
            return inner([None if value is None else next(others) for value in values])

        return look_up

    def to_json(self) -> dict[str, Any]:
        return self.inner.to_json()

    @classmethod
    def from_json(cls, spec: Any, data: dict[str, Any]) -> Self:
        inner = cls.field(spec)
        return cls(spec, INNER[inner.type].encoder.from_json(inner, data))

    def extend(self, state: Any) -> Encoder:
        return type(self)(self.spec, self.inner.extend(state.inner))
