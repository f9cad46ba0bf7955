"""The contract of one encoder, checked on one column, so that a mistake is told as the encoder's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders import BYTES, Cells, Encoded, Encoder, EncoderType
from domaintoolkit.testing.contract_error import ContractError
from domaintoolkit.values import Prepared

__all__ = ["CONTRACT", "check_encoder"]

CONTRACT = "encoders"

Tokens = list[tuple[tuple[int, ...], ...]]
"""The slots of each row, part by part."""


def check_encoder(encoder: EncoderType, spec: Any, fit: pa.Array, values: pa.Array) -> None:
    """Check everything that `State` and `Encoder` promise, for an encoder fitted on one column and encoding another.

    `spec` is its declaration, such as `Custom("position", encoder="square")`. Raises `ContractError`, which names the
    method at fault.
    """
    _EncoderCheck(encoder, spec).run(fit, values)


class _EncoderCheck:
    """The methods of one encoder, called so that each answer is checked."""

    def __init__(self, kind: EncoderType, spec: Any) -> None:
        self.kind, self.spec = kind, spec

    def run(self, fit: pa.Array, values: pa.Array) -> None:
        fitted = self.prepare(fit)
        encoder = self.finalize(fitted)
        self.check_slots(encoder)
        kept, prepared = self._accept(values)
        tokens = self.encode(encoder, prepared)
        self.check_nulls(encoder, prepared, tokens)
        self.check_rows_alone(encoder, prepared, tokens)
        self.check_decode(encoder, kept.type, prepared, tokens)
        self.check_lookup(encoder, kept, tokens)
        self.check_json(encoder, prepared, tokens)
        self.check_extend(encoder, prepared)

    # Telling

    def fail(self, method: str, reason: str, advice: str = "") -> ContractError:
        """The error that says what `method` did."""
        told = f"`{method}` of {self.spec.name!r} {reason}"
        return ContractError(CONTRACT, told, self.spec.name, advice or _ADVICE.get(method, ""))

    def call(self, method: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """The answer of a method; an exception is told as its mistake."""
        try:
            return function(*arguments)
        except Exception as error:
            raise self.fail(method, f"raised {type(error).__name__}: {error}") from error

    def require(self, holds: bool, method: str, reason: str) -> None:
        """Raise unless it holds. Reasons that show values are made only if needed, since that takes longest."""
        if not holds:
            raise self.fail(method, reason)

    # The methods, in the order in which they are needed

    def prepare(self, values: pa.Array) -> pa.Array:
        """The prepared values of the rows that are not refused."""
        return self._accept(values)[1]

    def _accept(self, values: pa.Array) -> tuple[pa.Array, pa.Array]:
        """(the values that `prepare` takes, the same prepared)."""
        made = self.call("prepare", self.kind.encoder.prepare, self.spec, values)
        self.require(isinstance(made, Prepared), "prepare", f"returned {_short(made)}, not a Prepared")
        self.require(
            isinstance(made.values, pa.Array) and len(made.values) == len(values),
            "prepare",
            f"returned {_short(made.values)} for {len(values)} values; an Arrow array of that length is needed",
        )
        refused = []
        for entry in made.refused:
            row = entry[0] if isinstance(entry, tuple) and len(entry) == 2 else None
            is_row = isinstance(row, int) and 0 <= row < len(values)
            self.require(
                is_row, "prepare", f"refused {entry!r}; a refusal is (row, reason), with row below {len(values)}"
            )
            assert row is not None
            self.require(values[row].as_py() is not None, "prepare", "refused a null; null always has a token")
            refused.append(row)
        kept = pa.array(np.setdiff1d(np.arange(len(values)), refused), pa.int64())
        return values.take(kept), made.values.take(kept)

    def state(self, values: pa.Array) -> Any:
        state = self.call("State", self.kind.state, self.spec)
        self.call("update", state.update, values)
        return state

    def dump(self, state: Any) -> pa.Table:
        table = self.call("dump", state.dump)
        self.require(isinstance(table, pa.Table), "dump", f"returned {_short(table)}, not an Arrow table")
        return table

    def finalize(self, values: pa.Array) -> Encoder:
        """The encoder fitted on `values`; however they are batched and merged, it is the same."""
        whole = self.state(values)
        encoder = self.call("finalize", whole.finalize)
        self.require(isinstance(encoder, Encoder), "finalize", f"returned {_short(encoder)}, not an Encoder")
        middle = len(values) // 2
        dumped = self.dump(whole)
        for first, second in ((values[:middle], values[middle:]), (values[middle:], values[:middle])):
            one, two = self.state(first), self.state(second)
            before = self.dump(two)
            self.call("merge", one.merge, two)
            self.require(_same(self.dump(two), before), "merge", "changed the state that it was given")
            self.require(
                _same(self.dump(one), dumped),
                "merge",
                "gives another state than `update` with all values at once, or `dump` depends on their order",
            )
        again = self.call("restore", self.kind.state.restore, self.spec, dumped)
        self.require(_same(self.dump(again), dumped), "restore", "does not give the state that `dump` wrote")
        other = self.call("finalize", again.finalize)
        self.require(
            list(other.slots) == list(encoder.slots), "finalize", "gives other slots after `dump` and `restore`"
        )
        made: Encoder = encoder
        return made

    def check_slots(self, encoder: Encoder) -> None:
        slots = list(encoder.slots)
        seen: dict[Any, int] = {}
        for number, slot in enumerate(slots):
            for what in (("kind and key", slot.kind, slot.key), ("text", slot.text)):
                other = seen.setdefault(what, number)
                self.require(
                    other == number, "slots", f"has the same {what[0]} twice, at {other} and {number}: {what[1:]!r}"
                )
            self.require(
                0 <= slot.part < len(encoder.parts),
                "slots",
                f"puts slot {number} into part {slot.part}; `parts` has {len(encoder.parts)}",
            )
            self.require(
                not slot.whole or slot.part == 0, "slots", f"has a whole slot, {number}, that is not of part 0"
            )

    def encode(self, encoder: Encoder, values: pa.Array) -> Tokens:
        """The tokens of prepared values."""
        made = self.call("encode", encoder.encode, values)
        self.require(isinstance(made, Encoded), "encode", f"returned {_short(made)}, not an Encoded")
        parts, wanted = list(made.parts), len(encoder.parts)
        self.require(len(parts) == wanted, "encode", f"returned {len(parts)} parts; `parts` names {wanted}")
        for number, cells in enumerate(parts):
            self._check_cells(encoder, number, cells, len(values))
        tokens = _tokens(parts)
        for row, sequences in enumerate(tokens):
            self._check_sequences(encoder, values[row].as_py(), sequences)
        (null,) = self._null_tokens(encoder, values)
        missing = sum(sequences == null for sequences in tokens)
        if made.missing != missing:
            raise self.fail(
                "encode",
                f"returned missing={made.missing} for {missing} values that are missing, of {len(values)}: "
                f"{_short(values.to_pylist())}",
                "let missing be the number of rows that have the null token, whatever else they are",
            )
        for word in ("spelled", "hashed", "clipped"):
            count = getattr(made, word)
            is_count = isinstance(count, int | np.integer) and bool(0 <= count <= len(values))
            self.require(is_count, "encode", f"returned {word}={count!r} for {len(values)} values")
        return tokens

    def _null_tokens(self, encoder: Encoder, values: pa.Array) -> Tokens:
        nothing = self.call("encode", encoder.encode, _null_like(values))
        tokens = _tokens(list(nothing.parts))
        self.require(len(tokens) == 1 and bool(tokens[0][0]), "encode", "gives no token for a null")
        return tokens

    def _check_cells(self, encoder: Encoder, number: int, cells: Any, count: int) -> None:
        where = f"part {number}"
        self.require(isinstance(cells, Cells), "encode", f"returned {_short(cells)} as {where}, not Cells")
        codes, slots = np.asarray(cells.codes), np.asarray(cells.slots)
        self.require(
            codes.shape == (count,) and codes.dtype.kind in "iu",
            "encode",
            f"returned codes of {codes.dtype} and shape {codes.shape} in {where}; whole numbers of shape ({count},) "
            "are needed",
        )
        self.require(
            slots.ndim == 1 and slots.dtype.kind in "iu", "encode", f"returned slots of {slots.dtype} in {where}"
        )
        sequences = len(slots) if cells.offsets is None else len(cells.offsets) - 1
        outside = codes[(codes < 0) | (codes >= sequences)].tolist()
        if outside:
            raise self.fail("encode", f"returned the code {outside[0]} in {where}, which has {sequences} sequences")
        if cells.offsets is not None:
            offsets = np.asarray(cells.offsets)
            rises = (
                bool(len(offsets)) and offsets[0] == 0 and offsets[-1] == len(slots) and (np.diff(offsets) >= 0).all()
            )
            self.require(bool(rises), "encode", f"returned offsets in {where} that do not rise from 0 to {len(slots)}")
        wrong = slots[(slots < -BYTES) | (slots >= len(encoder.slots))].tolist()
        if wrong:
            allowed = f"slots are below {len(encoder.slots)}, bytes from -1 to -{BYTES}"
            raise self.fail("encode", f"returned slot {wrong[0]} in {where}; {allowed}")

    def _check_sequences(self, encoder: Encoder, value: Any, sequences: tuple[tuple[int, ...], ...]) -> None:
        """Each part begins with a start slot of its own, and has no other; after a whole slot, parts are empty."""
        whole = bool(sequences[0]) and sequences[0][0] >= 0 and encoder.slots[sequences[0][0]].whole
        for number, sequence in enumerate(sequences):
            wrong = _fault(encoder, number, sequence, whole)
            if wrong:
                head = f"returned {_names(encoder, sequence)} as part {number} of {value!r}"
                raise self.fail("encode", f"{head}{wrong}")

    def check_nulls(self, encoder: Encoder, values: pa.Array, tokens: Tokens) -> None:
        (null,) = self._null_tokens(encoder, values)
        for row, missing in enumerate(np.asarray(_is_null(values))):
            if missing:
                self.require(tokens[row] == null, "encode", "gives a null other tokens beside other values than alone")

    def check_rows_alone(self, encoder: Encoder, values: pa.Array, tokens: Tokens) -> None:
        """The tokens of a value do not depend on the values beside it, nor on what was encoded before."""
        middle = len(values) // 2
        # the second half first, so that tokens which depend on earlier calls differ
        halves = [*self.encode(encoder, values[middle:]), *self.encode(encoder, values[:middle])]
        halves = [*halves[len(values) - middle :], *halves[: len(values) - middle]]
        for row, (apart, together) in enumerate(zip(halves, tokens, strict=True)):
            if apart != together:
                some, others = (_names(encoder, sum(tokens, ())) for tokens in (together, apart))
                told = f"gives {values[row].as_py()!r} the tokens {some} beside some values and {others} beside others"
                raise self.fail("encode", told)

    def check_decode(self, encoder: Encoder, kind: pa.DataType, values: pa.Array, tokens: Tokens) -> None:
        parts = list(self.call("encode", encoder.encode, values).parts)
        ways: list[tuple[str, Callable[[], Any]]] = [
            ("decode", lambda: encoder.decode(parts, kind)),
            ("sample", lambda: encoder.sample(parts, kind, np.random.default_rng(0).random(len(values)))),
        ]
        for method, way in ways:
            decoded = self.call(method, way)
            self.require(
                isinstance(decoded, pa.Array) and len(decoded) == len(values),
                method,
                f"returned {_short(decoded)} for {len(values)} rows; an Arrow array of that length is needed",
            )
            accepted, again = self._accept(decoded)
            if len(accepted) != len(decoded):
                refused = f"a value of {decoded.type} that `prepare` refuses: {_short(decoded.to_pylist())}"
                raise self.fail(method, f"returned {refused}")
            for row, (before, after) in enumerate(zip(tokens, self.encode(encoder, again), strict=True)):
                if before != after:
                    raise self.fail(
                        method,
                        f"turns {_names(encoder, sum(before, ()))}, the tokens of {values[row].as_py()!r}, into "
                        f"{decoded[row].as_py()!r}, which encodes to {_names(encoder, sum(after, ()))}",
                    )

    def check_lookup(self, encoder: Encoder, values: pa.Array, tokens: Tokens) -> None:
        # ids that are not slots, so that mixing them up shows; the slots of bytes are negative, and count from the end
        ids = np.arange(len(encoder.slots) + BYTES, dtype=np.int64) + 1_000
        find = self.call("lookup", encoder.lookup, ids)
        found = self.call("lookup", find, values.to_pylist())
        self.require(len(found) == len(values), "lookup", f"returned {len(found)} answers for {len(values)} values")
        for row, sequences in enumerate(tokens):
            wanted = tuple(int(ids[slot]) for sequence in sequences for slot in sequence)
            if tuple(found[row]) != wanted:
                gives = f"gives {values[row].as_py()!r} the ids {_short(found[row])} and `encode` {_short(wanted)}"
                raise self.fail("lookup", f"{gives}, if slot s has the id s + 1000")

    def check_json(self, encoder: Encoder, values: pa.Array, tokens: Tokens) -> None:
        data = self.call("to_json", encoder.to_json)
        try:
            text = json.dumps(data, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise self.fail("to_json", f"returned what JSON cannot hold: {error}", _ADVICE["to_json"]) from None
        again = self.call("from_json", self.kind.encoder.from_json, self.spec, json.loads(text))
        self.require(list(again.slots) == list(encoder.slots), "from_json", "does not give the slots back")
        self.require(self.encode(again, values) == tokens, "from_json", "gives an encoder that encodes otherwise")

    def check_extend(self, encoder: Encoder, values: pa.Array) -> None:
        before = list(encoder.slots)
        wider = self.call("extend", encoder.extend, self.state(values))
        self.require(isinstance(wider, Encoder), "extend", f"returned {_short(wider)}, not an Encoder")
        self.require(list(wider.slots)[: len(before)] == before, "extend", "moves or changes a slot")
        self.require(list(encoder.slots) == before, "extend", "changes the encoder itself, which is immutable")
        self.check_slots(wider)
        self.encode(wider, values)


_ADVICE = {
    "prepare": "refuse values that cannot be encoded: Prepared(values, [(row, reason), ...]), null in their rows",
    "encode": "one sequence of slots a row and part, and every value has one; see the docstrings of Cells and Encoder",
    "decode": "give each row a value that encodes to the same tokens, and null for the null token",
    "sample": "give each row a value that encodes to the same tokens, or leave `sample` out",
    "lookup": "give the tokens that `prepare` and `encode` give, every part one after another",
    "merge": "keep exact counts that can be added in any order, and sort what `dump` writes",
    "dump": "write everything that `finalize` needs, sorted, so that equal states give equal tables",
    "restore": "read everything that `dump` writes",
    "finalize": "make the encoder of the counts alone, and leave the state as it is",
    "slots": "give each token a kind and key, and a text, of its own",
    "to_json": "return dictionaries, lists, texts, finite numbers, true, false and None only",
    "from_json": "read everything that `to_json` writes",
    "extend": "return a new encoder whose slots begin with all of the old ones",
}


def _fault(encoder: Encoder, number: int, sequence: Sequence[int], whole: bool) -> str:
    """The rule of sequences that the sequence of part `number` breaks, if one; `whole` if part 0 is a whole slot."""
    if whole and number:
        return ", but a whole slot in part 0 stands for all parts" if sequence else ""
    if not sequence:
        return ": a part has at least one token"
    first = None if sequence[0] < 0 else encoder.slots[sequence[0]]
    if first is None or not first.start or first.part != number:
        return f": it must begin with a slot of part {number} that has start=True"
    rest = (encoder.slots[slot] for slot in sequence[1:] if slot >= 0)
    if any(slot.start or slot.part != number for slot in rest):
        return ": after the first come bytes and slots of the part with start=False"
    return ""


def _tokens(parts: Sequence[Cells]) -> Tokens:
    count = len(parts[0].codes)
    return [
        tuple(tuple(int(slot) for slot in cells.sequence(int(cells.codes[row]))) for cells in parts)
        for row in range(count)
    ]


def _is_null(values: pa.Array) -> NDArray[np.bool_]:
    dense = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    return np.asarray(dense.is_null())


def _null_like(values: pa.Array) -> pa.Array:
    """One null in the type of prepared values."""
    return (
        pa.array([None], values.type.value_type).dictionary_encode()
        if pa.types.is_dictionary(values.type)
        else pa.nulls(1, values.type)
    )


def _same(first: pa.Table, second: pa.Table) -> bool:
    return first.schema.equals(second.schema, check_metadata=True) and repr(first.to_pydict()) == repr(
        second.to_pydict()
    )


def _names(encoder: Encoder, sequence: Sequence[int]) -> str:
    """Slots as people read them."""
    shown = [f"byte {-1 - slot:02x}" if slot < 0 else f"[{encoder.slots[slot].text.strip()}]" for slot in sequence[:12]]
    return " ".join(shown) + (" ..." if len(sequence) > 12 else "") if shown else "nothing"


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 160 else f"{text[:157]}..."
