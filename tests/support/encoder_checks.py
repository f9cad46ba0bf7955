"""What holds for every encoder, checked on one column."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from domaintoolkit.encoders import BYTES, Cells, Encoder, EncoderType

Tokens = list[tuple[int, ...]]


def fitted(kind: EncoderType, spec: Any, values: pa.Array, pieces: int = 1) -> Encoder:
    """An encoder fitted on `values` in so many batches, merged."""
    prepared = kind.encoder.prepare(spec, values).values
    whole = kind.state(spec)
    for number in range(pieces):
        state = kind.state(spec)
        state.update(prepared[number * len(prepared) // pieces : (number + 1) * len(prepared) // pieces])
        whole.merge(kind.state.restore(spec, state.dump()))
    return whole.finalize()


def rows(parts: Sequence[Cells]) -> Tokens:
    """The slots of each row, all parts one after another."""
    count = len(parts[0].codes)
    return [tuple(int(s) for cells in parts for s in cells.sequence(int(cells.codes[i]))) for i in range(count)]


def check_column(kind: EncoderType, spec: Any, fit: pa.Array, values: pa.Array, pieces: int = 2) -> Encoder:
    """Round trip, grammar, merging, JSON and the scalar path of one encoder; gives it back."""
    encoder = fitted(kind, spec, fit)
    assert fitted(kind, spec, fit, pieces).to_json() == encoder.to_json()
    again = kind.encoder.from_json(spec, json.loads(json.dumps(encoder.to_json())))
    assert list(again.slots) == list(encoder.slots)
    prepared = kind.encoder.prepare(spec, values)
    kept = [i for i in range(len(values)) if i not in dict(prepared.refused)]
    values = values.take(pa.array(kept, pa.int64()))
    prepared_values = prepared.values.take(pa.array(kept, pa.int64()))
    parts = encoder.encode(prepared_values).parts
    tokens = rows(parts)
    assert rows(again.encode(prepared_values).parts) == tokens
    assert len(parts) == len(encoder.parts)
    _check_grammar(encoder, parts, values)
    decoded = encoder.decode(parts, values.type)
    assert decoded.type == values.type
    assert rows(encoder.encode(kind.encoder.prepare(spec, decoded).values).parts) == tokens
    ids = np.arange(len(encoder.slots) + BYTES)
    one_by_one = encoder.lookup(ids)(values.to_pylist())
    assert one_by_one == [tuple(int(ids[s]) for s in row) for row in tokens]
    return encoder


def _check_grammar(encoder: Encoder, parts: Sequence[Cells], values: pa.Array) -> None:
    identities = {(slot.kind, slot.key) for slot in encoder.slots}
    assert len(identities) == len(encoder.slots)
    assert len({slot.text for slot in encoder.slots}) == len(encoder.slots)
    nulls = values.is_null().to_pylist()
    for number, cells in enumerate(parts):
        for row in range(len(values)):
            sequence = cells.sequence(int(cells.codes[row]))
            if number and encoder.slots[parts[0].sequence(int(parts[0].codes[row]))[0]].whole:
                assert len(sequence) == 0
                continue
            first = encoder.slots[sequence[0]]
            assert first.start
            assert first.part == number
            for slot in sequence[1:]:
                assert slot < 0 or (not encoder.slots[slot].start and encoder.slots[slot].part == number)
            if number == 0:
                assert (first.kind == "null") == nulls[row]
