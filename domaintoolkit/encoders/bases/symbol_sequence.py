"""`SymbolEncoder`: a value is a sequence of symbols, which are learned; an author splits and joins it."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from domaintoolkit.encoders.base import Cells, Encoded, Encoder, EncoderType, Lookup, Slot, State, byte_slots
from domaintoolkit.errors import DataError, DecodeError, Problem, Refusal, SchemaError
from domaintoolkit.util.ragged import offsets_of
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.prepared import Prepared
from domaintoolkit.values.value_names import as_text, cast_names, name_of

__all__ = ["SymbolEncoder"]

NULL, EMPTY, WHOLE, FIRST_SPELL, NEXT_SPELL, SYMBOLS = range(6)
"""The slots: null, the empty sequence, the markers of a value, a first and a later symbol that are spelled; symbols."""

FIRST, NEXT = "first", "then"
"""The kinds of symbols: a value's first one begins the part, the later ones continue it."""


class SymbolState(State):
    """The counts of each symbol: at the beginning of values, and later in them."""

    encoder: ClassVar[type[SymbolEncoder]]

    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        self.counts: Counter[tuple[str, str]] = Counter()

    def update(self, values: pa.Array) -> None:
        codes, distinct = codes_of(values)
        times = np.bincount(codes, minlength=len(distinct)).tolist()
        for text, count in zip(distinct.to_pylist(), times, strict=True):
            symbols = None if text is None or not count else self.encoder.exact_symbols(text)
            for place, symbol in enumerate(symbols or ()):
                self.counts[NEXT if place else FIRST, symbol] += count

    def merge(self, other: Self) -> None:
        self.counts.update(other.counts)

    def finalize(self) -> SymbolEncoder:
        return self.encoder(self.spec, self.frequent(()))

    def frequent(self, known: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """(kind, symbol) of the most frequent symbols of each kind that are not known yet."""
        left = set(known)
        size, least = symbol_limits(self.spec)
        found: list[tuple[str, str]] = []
        for kind in (FIRST, NEXT):
            room = size - sum(each == kind for each, _ in left)
            fresh = [key for key, count in self.counts.items() if key[0] == kind and key not in left and count >= least]
            found += sorted(fresh, key=lambda key: (-self.counts[key], key[1]))[: max(room, 0)]
        return tuple(found)

    def dump(self) -> pa.Table:
        keys = sorted(self.counts)
        columns = {
            "kind": pa.array([kind for kind, _ in keys], pa.string()),
            "symbol": pa.array([symbol for _, symbol in keys], pa.string()),
            "count": pa.array([self.counts[key] for key in keys], pa.int64()),
        }
        return pa.table(columns)

    @classmethod
    def restore(cls, spec: Any, table: pa.Table) -> Self:
        state = cls(spec)
        for row in table.to_pylist():
            state.counts[row["kind"], row["symbol"]] += row["count"]
        return state


def symbol_limits(spec: Any) -> tuple[int, int]:
    """The options `max_size` and `min_count` of a declaration."""
    found = []
    for name, default in (("max_size", 10_000), ("min_count", 1)):
        value = spec.options.get(name, default)
        if type(value) is not int or value < (name == "min_count"):
            found.append(Problem(f"options.{name}", f"expected a whole number of at least 1, got {value!r}"))
    if found:
        raise SchemaError(found, spec.name)
    return spec.options.get("max_size", 10_000), spec.options.get("min_count", 1)


class SymbolEncoder(Encoder):
    """Base class of an encoder whose values are sequences of symbols: towers of a route, steps of a funnel, a code.

    A subclass names itself and says how a text is split and joined; all else is done. `encoder_type` is what its
    plugin registers::

        class Route(SymbolEncoder, name="route"):
            @classmethod
            def split(cls, text):
                return text.split(">")

            @classmethod
            def join(cls, symbols):
                return ">".join(symbols)

        Route.encoder_type

    The `max_size` most frequent symbols (10,000) that occur `min_count` times (1) become tokens; both are options of
    the field. Other symbols are spelled byte by byte. A value that `join` does not give back from what `split` made of
    it is spelled as a whole, so that every value comes back exactly.
    """

    encoder_type: ClassVar[EncoderType]

    def __init_subclass__(cls, name: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if name is not None:
            # an attribute of the class, so that a state can be pickled
            members = {"encoder": cls, "__module__": cls.__module__, "__qualname__": f"{cls.__qualname__}.State"}
            cls.State = type("State", (SymbolState,), members)
            cls.encoder_type = EncoderType(name, cls.State, cls)

    State: ClassVar[type[SymbolState]]

    @classmethod
    @abstractmethod
    def split(cls, text: str) -> Sequence[str]:
        """The symbols of a value; none for a text that has no symbols."""

    @classmethod
    @abstractmethod
    def join(cls, symbols: Sequence[str]) -> str:
        """The value of symbols."""

    @classmethod
    def exact_symbols(cls, text: str) -> list[str] | None:
        """The symbols of a value; None if they do not give the value back."""
        symbols = list(cls.split(text))
        return symbols if all(isinstance(each, str) for each in symbols) and cls.join(symbols) == text else None

    def __init__(self, spec: Any, symbols: Iterable[tuple[str, str]]) -> None:
        super().__init__(spec)
        self.symbols = tuple(symbols)
        self.slots = (
            Slot("null", "", " null"),
            Slot("empty", "", " empty"),
            Slot("spell-whole", "", " spell", fusible=False),
            Slot("spell", "", " first spell", fusible=False),
            Slot("spell-then", "", " then spell", start=False, fusible=False),
            *(
                Slot(
                    kind,
                    key,
                    f"={key}" if kind == FIRST else f" then={key}",
                    start=kind == FIRST,
                    fusible=kind == FIRST,
                )
                for kind, key in self.symbols
            ),
        )
        self._numbers = {key: SYMBOLS + number for number, key in enumerate(self.symbols)}

    @staticmethod
    def prepare(spec: Any, values: pa.Array) -> Prepared:  # noqa: ARG004 - the protocol
        return as_text(values)

    def encode(self, values: pa.Array) -> Encoded:
        codes, distinct = codes_of(values)
        sequences = [self._sequence(text) for text in distinct.to_pylist()]
        offsets = offsets_of(np.array([len(sequence) for sequence in sequences], np.int64))
        slots = np.array([slot for sequence in sequences for slot in sequence], np.int32)
        spelled = np.array([min(sequence) < 0 for sequence in sequences], bool)  # bytes are below 0
        missing = np.array([sequence[0] == NULL for sequence in sequences], bool)
        cells = Cells(codes, slots, offsets)
        return Encoded([cells], spelled=int(spelled[codes].sum()), missing=int(missing[codes].sum()))

    def _sequence(self, text: str | None) -> list[int]:
        """The slots of a value."""
        if text is None:
            return [NULL]
        symbols = self.exact_symbols(text)
        if symbols is None:
            return [WHOLE, *byte_slots(text.encode()).tolist()]
        if not symbols:
            return [EMPTY]
        found: list[int] = []
        for symbol in symbols:
            number = self._numbers.get((NEXT if found else FIRST, symbol))
            if number is None:
                found += [NEXT_SPELL if found else FIRST_SPELL, *byte_slots(symbol.encode()).tolist()]
            else:
                found.append(number)
        return found

    def decode(self, parts: Sequence[Cells], type: pa.DataType) -> pa.Array:
        (cells,) = parts
        count = len(cells.slots) if cells.offsets is None else len(cells.offsets) - 1
        texts = pa.array([self._text(cells.sequence(number).tolist()) for number in range(count)], pa.string())
        try:
            values = cast_names(texts, type)
        except pa.ArrowInvalid:  # the symbols may make a text that no value of the type has
            values = texts
        return values.take(pa.array(cells.codes))

    def _text(self, sequence: list[int]) -> str | None:
        """The value of a sequence of slots.

        It may be one that encodes otherwise: a symbol was spelled that has got a token since, or a model wrote it.
        """
        if sequence[0] == NULL:
            return None
        symbols: list[bytes] = []
        for slot in sequence:
            if slot < 0:
                # a byte spells on the symbol whose marker came before
                symbols[-1] += bytes([-1 - slot])
            else:
                symbols.append(b"" if slot < SYMBOLS else self.symbols[slot - SYMBOLS][1].encode())
        try:
            texts = [symbol.decode() for symbol in symbols]
        except UnicodeDecodeError:
            raise DecodeError(f"field {self.spec.name!r}: a spelled symbol is not valid Unicode") from None
        if sequence[0] == WHOLE:
            return texts[0]
        return self.join([] if sequence[0] == EMPTY else texts)

    def lookup(self, ids: Any) -> Lookup:
        def look_up(values: Sequence[object]) -> list[tuple[int, ...]]:
            return [tuple(int(ids[slot]) for slot in self._sequence(_name(value, self.spec.name))) for value in values]

        return look_up

    def to_json(self) -> dict[str, Any]:
        return {"symbols": [list(key) for key in self.symbols]}

    @classmethod
    def from_json(cls, spec: Any, data: dict[str, Any]) -> Self:
        try:
            symbols = [(str(kind), str(symbol)) for kind, symbol in data["symbols"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a sequence of symbols: {error!r}") from None
        if not {kind for kind, _ in symbols} <= {FIRST, NEXT}:
            raise ValueError("not a sequence of symbols: an unknown kind")
        return cls(spec, symbols)

    def extend(self, state: Any) -> Encoder:
        return type(self)(self.spec, (*self.symbols, *state.frequent(self.symbols)))


def _slot(kind: str, symbol: str) -> Slot:
    """The slot of a symbol. Later ones join no composites, which keep no order of equal parts."""
    if kind == FIRST:
        return Slot(FIRST, symbol, f"={symbol}")
    return Slot(NEXT, symbol, f" then={symbol}", start=False, fusible=False)


def _name(value: object, field: str) -> str | None:
    if value is None or value.__class__ is str:
        return value
    try:
        return name_of(value)
    except ValueError as error:
        raise DataError([Refusal(None, field, str(error))]) from None
