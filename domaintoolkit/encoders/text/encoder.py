"""Free text: a marker, and then learned pieces and bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders.base import BYTES, Cells, Encoded, Encoder, EncoderType, Lookup, Slot
from domaintoolkit.encoders.counts import CountState
from domaintoolkit.encoders.text.corpus import Corpus, thin
from domaintoolkit.errors import DataError, DecodeError, Refusal
from domaintoolkit.schema import Text
from domaintoolkit.util.ragged import offsets_of
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.prepared import Ints, Prepared
from domaintoolkit.values.texts import is_text
from domaintoolkit.values.value_names import as_text

if TYPE_CHECKING:
    from domaintoolkit.encoders.text.bpe import BytePairs
    from domaintoolkit.encoders.text.unigram import Unigram

__all__ = ["TEXT", "TextEncoder", "TextState"]

NULL, MARKER, PIECES = 0, 1, 2
"""The slots: null, the text marker, and from there the learned pieces."""

CACHED = 20_000
CACHED_LENGTH = 500
"""The number of texts that a look-up remembers, and their greatest length."""


class Model(Protocol):
    """A learner of text pieces. Piece i is the number i, and byte b the number -1 - b."""

    pieces: tuple[bytes, ...]

    def encode(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...

    def to_json(self) -> dict[str, Any]: ...


def _find_model(spec: Text) -> type[BytePairs] | type[Unigram]:
    """The kind of model of a field. Each loads a package of its own, and most schemas have no field of text."""
    if spec.model == "bpe":
        from domaintoolkit.encoders.text.bpe import BytePairs

        return BytePairs
    from domaintoolkit.encoders.text.unigram import Unigram

    return Unigram


class TextState(CountState):
    """Exact counts of the distinct texts seen: of all, or of the `max_distinct` with the lowest hashes."""

    spec: Text

    def counts(self) -> pa.Table:
        return thin(super().counts(), self.spec.max_distinct)

    def finalize(self) -> TextEncoder:
        train = _find_model(self.spec).train
        return TextEncoder(self.spec, train(Corpus.of(self.counts()), self.spec.vocabulary_size))


class TextEncoder(Encoder):
    """Slots: null, the text marker, then the learned pieces. A text is the marker and its pieces and bytes."""

    spec: Text

    def __init__(self, spec: Text, model: Model) -> None:
        super().__init__(spec)
        self._model = model
        self.slots = (
            Slot("null", "", " null"),
            Slot("text", "", " text", fusible=False),
            *(_slot(piece) for piece in model.pieces),
        )
        single = [bytes([byte]) for byte in reversed(range(BYTES))]  # byte b is the slot -1 - b, from the end
        self._bytes = pa.array([b"", b"", *model.pieces, *single], pa.large_binary())

    @staticmethod
    def prepare(spec: Any, values: pa.Array) -> Prepared:  # noqa: ARG004 - the protocol
        kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
        binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        if is_text(kind) or binary or pa.types.is_null(kind):
            return as_text(values)
        nothing = pa.nulls(len(values), pa.string()).dictionary_encode()
        return Prepared(nothing, [(row, f"a value of type {kind} is not text") for row in range(len(values))])

    def encode(self, values: pa.Array) -> Encoded:
        codes, distinct = _drop_unused(*codes_of(values))
        missing = np.asarray(distinct.is_null())
        slots, offsets = self._sequences(distinct.drop_null().to_pylist(), missing)
        return Encoded([Cells(codes, slots, offsets)], missing=int(np.count_nonzero(missing[codes])))

    def _sequences(self, texts: list[str], missing: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """(slots, offsets) of distinct values: null if `missing`, otherwise the next of `texts`."""
        numbers, counts = self._model.encode(texts)
        lengths = np.ones(len(missing), np.int64)
        lengths[~missing] += counts
        offsets = offsets_of(lengths)
        slots = np.empty(offsets[-1], np.int32)
        # (slots,) True for the null or the marker that begins each sequence
        first = np.zeros(len(slots), np.bool_)
        first[offsets[:-1]] = True
        slots[first] = np.where(missing, NULL, MARKER)
        # bytes keep their numbers, and pieces come after null and the marker
        slots[~first] = np.where(numbers < 0, numbers, numbers + PIECES)
        return slots, offsets

    def decode(self, parts: Sequence[Cells], type: pa.DataType) -> pa.Array:
        (cells,) = parts
        offsets = np.arange(len(cells.slots) + 1) if cells.offsets is None else cells.offsets
        missing = self._missing(cells.slots, offsets)
        text = self._join(cells.slots, offsets)
        present = text.filter(pa.array(~missing))
        again, ends = self._sequences(present.to_pylist(), missing)
        if not np.array_equal(again, cells.slots) or not np.array_equal(ends, offsets):
            raise DecodeError(f"field {self.spec.name!r}: a text is split into pieces that encoding does not give")
        # (rows,) the number of each row's text among those that are present
        rows = np.where(missing, -1, np.cumsum(~missing) - 1)[cells.codes]
        found = present.take(pa.array(rows, mask=rows < 0))
        # a column that had no value has no type either, but a model may write a text there
        return found if pa.types.is_null(type) else found.cast(type)

    def _missing(self, slots: NDArray[np.int32], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """True for each null sequence; a sequence begins with null or the marker, and has neither anywhere else."""
        starts = np.flatnonzero((slots == NULL) | (slots == MARKER))
        if not np.array_equal(starts, offsets[:-1]) or offsets[-1] != len(slots):
            raise DecodeError(f"field {self.spec.name!r}: a text begins with its marker and has no other")
        return np.asarray(slots[starts] == NULL, np.bool_)

    def _join(self, slots: NDArray[np.int32], offsets: NDArray[np.int64]) -> pa.Array:
        """The text of each sequence."""
        pieces = self._bytes.take(pa.array(np.where(slots < 0, len(self._bytes) + slots, slots)))
        ends = np.frombuffer(pieces.buffers()[1], np.int64, len(slots) + 1)[offsets]
        whole = pa.Array.from_buffers(pa.large_binary(), len(ends) - 1, [None, pa.py_buffer(ends), pieces.buffers()[2]])
        try:
            return whole.cast(pa.large_string())
        except pa.ArrowInvalid:
            raise DecodeError(f"field {self.spec.name!r}: a text is not valid Unicode") from None

    def lookup(self, ids: NDArray[np.int64]) -> Lookup:
        known: dict[object, tuple[int, ...]] = {None: (int(ids[NULL]),)}

        def find(values: Sequence[object]) -> list[tuple[int, ...]]:
            try:
                return [known[value] for value in values]
            except (KeyError, TypeError):
                texts = [self._valid(value) for value in values]
            if len(known) > CACHED:
                for text in list(known)[1:]:
                    known.pop(text, None)
            # found first: another thread may empty the table at any moment
            found = {text: numbers for text in texts if (numbers := known.get(text)) is not None}
            fresh = self._look_up([text for text in dict.fromkeys(texts) if text not in found], ids)
            known.update((text, numbers) for text, numbers in fresh.items() if len(text or "") <= CACHED_LENGTH)
            found |= fresh
            return [found[text] for text in texts]

        return find

    def _look_up(self, texts: list[str | None], ids: NDArray[np.int64]) -> dict[str | None, tuple[int, ...]]:
        slots, offsets = self._sequences([text for text in texts if text is not None], np.zeros(len(texts), np.bool_))
        flat, ends = ids[slots].tolist(), offsets.tolist()
        return {text: tuple(flat[ends[i] : ends[i + 1]]) for i, text in enumerate(texts)}

    def _valid(self, value: object) -> str | None:
        """`value` as the text that `prepare` makes of it."""
        try:
            if value is None or (isinstance(value, str) and value.encode() is not None):
                return value
            if isinstance(value, bytes):
                return value.decode()
        except UnicodeError as error:
            raise DataError([Refusal(None, self.spec.name, f"not valid Unicode: {error}")]) from None
        raise DataError([Refusal(None, self.spec.name, f"a value of type {type(value).__name__} is not text")])

    def to_json(self) -> dict[str, Any]:
        return {"model": self.spec.model, **self._model.to_json()}

    @classmethod
    def from_json(cls, spec: Text, data: dict[str, Any]) -> TextEncoder:
        if data.get("model") != spec.model:
            raise ValueError(f"expected a {spec.model} model, found {data.get('model')!r}")
        try:
            model: Model = _find_model(spec).from_json(data)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a {spec.model} model: {error!r}") from None
        return cls(spec, model)


def _slot(piece: bytes) -> Slot:
    """A piece reads as quoted text, or in hexadecimal if it ends within a character."""
    try:
        text = f'"{piece.decode()}"'
    except UnicodeDecodeError:
        text = f"0x{piece.hex()}"
    return Slot("piece", text, f" {text}", start=False, fusible=False)


def _drop_unused(codes: Ints, distinct: pa.Array) -> tuple[Ints, pa.Array]:
    """Without the distinct values that no row has: a dictionary may be far longer than its column."""
    used = np.bincount(codes, minlength=len(distinct)) > 0
    if used.all():
        return codes, distinct
    return (np.cumsum(used) - 1)[codes], distinct.filter(pa.array(used))


TEXT = EncoderType("text", TextState, TextEncoder)
