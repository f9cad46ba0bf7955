"""Every contract of a schema, on one table to fit on and one to encode."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from copy import copy, deepcopy
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from domaintoolkit.encoders import EncoderType, GroupedNumericEncoder, NumericEncoder, pair_columns
from domaintoolkit.errors import ArtifactError
from domaintoolkit.schema import Categorical, Composite, Schema, Text, Timestamp
from domaintoolkit.storage.shards import shard_table
from domaintoolkit.streams import Streams
from domaintoolkit.testing.contract_error import ContractError
from domaintoolkit.testing.encoder_contract import CONTRACT as ENCODERS
from domaintoolkit.testing.encoder_contract import check_encoder
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.encoder_types import encoder_types
from domaintoolkit.tokenizer.rows.column_types import decoded_type
from domaintoolkit.tokenizer.rows.table import read_columns
from domaintoolkit.values import to_microseconds
from domaintoolkit.values.columns import plain
from domaintoolkit.values.value_names import as_categories

__all__ = ["COMPOSITES", "CONTRACTS", "Contract", "ContractCase"]

COMPLETE, NUMBERS, ROUND_TRIP, ORDER = "completeness", "numbers", "round trip", "order"
MERGING, IDS, SAVING, SERVING, COMPOSITES = "merging", "ids", "saving", "serving", "composites"


ENOUGH_ROWS = 300
"""Rows of a table for contracts that go through it in loops of Python."""


@dataclass
class ContractCase:
    """A schema, a table to fit on and one to encode, that may hold other values."""

    schema: Schema
    fit: pa.Table
    rows: pa.Table
    encoders: tuple[EncoderType, ...] = ()

    def unfitted(self) -> DomainTokenizer:
        """A tokenizer of its own; tables are small, so threads would only wait for each other."""
        return DomainTokenizer(self.schema, self.encoders, threads=1)

    def fitted(self) -> DomainTokenizer:
        """The same, fitted."""
        return self.unfitted().fit(self.fit)

    @cached_property
    def tokenizer(self) -> DomainTokenizer:
        """A fitted tokenizer, not to be changed."""
        return self.fitted()

    @cached_property
    def streams(self) -> Streams:
        """The streams of the rows."""
        return self.tokenizer.encode(self.rows)


@dataclass(frozen=True)
class Contract:
    """A promise, the function that checks it, and the drawn tables that one check costs beside the others'."""

    name: str
    promise: str
    check: Callable[[ContractCase], None]
    cost: int = 1


def _require(holds: bool, contract: str, reason: str, field: str | None = None, advice: str = "") -> None:
    if not holds:
        raise ContractError(contract, reason, field, advice)


def _check_encoders(case: ContractCase) -> None:
    schema = case.schema
    kinds = encoder_types(schema, case.encoders)
    # every token of every row is looked at one by one, so some rows of a sample are enough
    fit, rows = (read_columns(schema, table.slice(0, ENOUGH_ROWS)) for table in (case.fit, case.rows))
    for spec in (*schema.static, *schema.fields):
        # the tokens of the time depend on the event before, and those of a number with `by` on another field
        if spec.name != schema.time and getattr(spec, "by", None) is None:
            settled = schema.settled(spec) if isinstance(spec, Timestamp) else spec
            check_encoder(kinds[spec.name], settled, fit[spec.name], rows[spec.name])


def _check_complete(case: ContractCase) -> None:
    schema, rows, streams = case.schema, case.rows, case.streams
    counts = streams.counts
    _require(counts.rows_in == len(rows), COMPLETE, f"{counts.rows_in} of {len(rows)} rows are counted")
    refused = ", ".join(str(refusal) for refusal in streams.refused[:3])
    _require(counts.rows_refused == 0, COMPLETE, f"rows of supported types were refused: {refused}")
    left = streams.events + counts.rows_left_out
    _require(left == len(rows), COMPLETE, f"{len(rows)} rows came in, {left} are encoded or left out")
    if schema.min_events == 1 and schema.max_events is None:
        _require(counts.rows_left_out == 0, COMPLETE, "rows were left out although no limit applies to them")
    unknown = [token.name for token in streams.vocabulary if token.key.lower() == "unk"]
    _require(not unknown, COMPLETE, f"there is a token for unknown values: {unknown}")


def _check_round_trip(case: ContractCase) -> None:
    schema, tokenizer, streams = case.schema, case.tokenizer, case.streams
    decoded = tokenizer.decode(streams)
    _require(len(decoded) == streams.events, ROUND_TRIP, f"{streams.events} events decode to {len(decoded)} rows")
    alone = tokenizer.decode(streams.ids, streams.offsets)
    for name in decoded.column_names:
        if name in alone.column_names and name not in schema.entity:
            _require(
                _alike(alone[name], decoded[name]), ROUND_TRIP, f"{name!r} does not follow from the ids alone", name
            )
    for name, values in _expect(case).items():
        found = decoded[name].to_pylist()
        at = next((row for row, pair in enumerate(zip(values, found, strict=True)) if pair[0] != pair[1]), None)
        if at is not None:
            raise ContractError(ROUND_TRIP, f"{name!r} comes back as {found[at]!r}, not {values[at]!r}", name)
    again = tokenizer.encode(decoded)
    if not np.array_equal(again.offsets, streams.offsets) or not np.array_equal(again.ids, streams.ids):
        raise ContractError(ROUND_TRIP, f"encode(decode(ids)) gives other ids: {_first_difference(streams, again)}")


def _first_difference(before: Streams, after: Streams) -> str:
    """The first stream that differs, and its tokens from there on."""
    for number in range(min(len(before), len(after))):
        one, two = before.tokens(number), after.tokens(number)
        if one != two:
            at = next((k for k, pair in enumerate(zip(one, two, strict=False)) if pair[0] != pair[1]), 0)
            return f"{' '.join(one[at : at + 4])} became {' '.join(two[at : at + 4])}"
    return f"{len(before)} streams became {len(after)}"


def _alike(first: Any, second: Any) -> bool:
    """Equal, and NaN equals NaN, which Arrow denies."""
    return repr(first.to_pylist()) == repr(second.to_pylist())


def _instants(schema: Schema, rows: pa.Table) -> list[int | None]:
    """The time of each row, however it is written."""
    assert schema.time is not None
    column = read_columns(schema, rows)[schema.time]
    instants: list[int | None] = (
        to_microseconds(column, schema.zone, schema.time_form(schema.time)).values.cast(pa.int64()).to_pylist()
    )
    return instants


def _expect(case: ContractCase) -> dict[str, list[Any]]:
    """The columns that must come back exactly if entity and time alone give the order of the rows."""
    schema, rows = case.schema, case.rows
    if case.streams.counts.rows_left_out:
        return {}
    places = list(range(len(rows)))
    entities = list(zip(*(rows[name].to_pylist() for name in schema.entity), strict=True)) if len(rows) else []
    times = [(time is not None, time) for time in _instants(schema, rows)] if schema.time else places
    keys = list(zip(entities, times, strict=True))
    exact = [spec.name for spec in schema.fields if isinstance(spec, Text)]
    exact += [spec.name for spec in schema.fields if isinstance(spec, Categorical) and spec.unseen == "spell"]
    order = sorted(places, key=keys.__getitem__)
    # ties, or rows that other columns order: only the entities are sure
    if len(set(keys)) < len(keys) or (schema.time is None and schema.has_order):
        return {name: [entities[k][at] for k in order] for at, name in enumerate(schema.entity)}
    expected = {name: [rows[name][k].as_py() for k in order] for name in exact}
    return expected | {name: [entities[k][at] for k in order] for at, name in enumerate(schema.entity)}


def _check_numbers(case: ContractCase) -> None:
    """A bucket decodes to the value seen in it that is nearest to its mean, and whole numbers to whole ones."""
    for bound in case.tokenizer.layout.bound:
        if isinstance(bound.encoder, NumericEncoder | GroupedNumericEncoder):
            _check_buckets(case, bound.encoder)


def _check_buckets(case: ContractCase, encoder: NumericEncoder | GroupedNumericEncoder) -> None:
    spec = encoder.spec
    column = plain(case.fit[spec.name])
    numbers = encoder.prepare(spec, column).values
    things = None if spec.by is None else as_categories(plain(case.fit[spec.by])).values
    parts = encoder.encode(numbers if things is None else pair_columns(numbers, things)).parts
    kind = decoded_type(case.tokenizer.types[spec.name], spec)
    tokens = [tuple(cells.sequence(int(code)).tolist() for cells, code in zip(parts, codes, strict=True))
              for codes in zip(*(cells.codes for cells in parts), strict=True)]  # fmt: skip
    chances = np.random.default_rng(0).random(len(column))
    decoded, drawn = encoder.decode(parts, kind), encoder.sample(parts, kind, chances)
    again, random = (encoder.prepare(spec, values).values.to_pylist() for values in (decoded, drawn))
    seen: dict[Any, list[float]] = {}
    for key, number in zip(map(str, tokens), numbers.to_pylist(), strict=True):
        if number is not None and math.isfinite(number):
            seen.setdefault(key, []).append(number)
    every = [number for group in seen.values() for number in group]
    if all(number.is_integer() for number in every) and pa.types.is_integer(kind):
        whole = decoded.type == drawn.type == kind
        _require(whole, NUMBERS, f"whole numbers of {spec.name!r} come back as {decoded.type}", spec.name)
    for key, number, other in zip(map(str, tokens), again, random, strict=True):
        group = seen.get(key)
        if group is None:
            continue
        unseen = "which was not seen in it"
        _require(number in group, NUMBERS, f"a bucket of {spec.name!r} decodes to {number}, {unseen}", spec.name)
        _require(other in group, NUMBERS, f"a bucket of {spec.name!r} gives {other} by chance, {unseen}", spec.name)
        mean = sum((Fraction(value) for value in group), Fraction(0)) / len(group)
        least = min(abs(Fraction(value) - mean) for value in group)
        # sums of floats round
        slack = max(abs(Fraction(value)) for value in group) / 10**12
        lost = f"the sum of {spec.name!r} does not survive: {number} is not nearest to {mean}"
        _require(abs(Fraction(number) - mean) <= least + slack, NUMBERS, lost, spec.name)


def _check_order(case: ContractCase) -> None:
    tokenizer, rows, streams = case.tokenizer, case.rows, case.streams
    if tokenizer.schema.has_order:
        for seed in range(2):
            order = np.random.default_rng(seed).permutation(len(rows))
            shuffled = tokenizer.encode(rows.take(pa.array(order, pa.int64())))
            _require(np.array_equal(shuffled.ids, streams.ids), ORDER, "the order of the input changes the streams")
            if streams.labels is not None and shuffled.labels is not None:
                _require(shuffled.labels.equals(streams.labels), ORDER, "the order of the input moves labels")
    middle = len(rows) // 3
    chunked = pa.concat_tables([rows.slice(0, middle), rows.slice(middle)])
    _require(np.array_equal(tokenizer.encode(chunked).ids, streams.ids), ORDER, "chunking changes the streams")
    by_hash = shard_table(tokenizer.encode_by_hash(rows))
    _require(by_hash.equals(shard_table(streams)), ORDER, "shards hold other streams than tables give")
    threaded = copy(tokenizer)
    threaded.threads = 2
    _require(np.array_equal(threaded.encode(rows).ids, streams.ids), ORDER, "threads change the streams")


def _check_merging(case: ContractCase) -> None:
    encoders, fit = case.encoders, case.fit
    middle = len(fit) // 2
    halves = [fit.slice(0, middle), fit.slice(middle)]
    batched = case.unfitted()
    for half in halves:
        batched.partial_fit(half)
    one, two = (case.unfitted().fit(half) for half in halves)
    backwards = case.unfitted().merge(two).merge(one)
    travelled = case.unfitted()
    travelled.fit_states(travelled.restore_state(travelled.fit_state(half).dump()) for half in halves)
    one, two = (_reload(half, encoders) for half in (one, two))
    reloaded = one.merge(two)
    ways = {"batches": batched, "merging": backwards, "dumped states": travelled, "merging loaded tokenizers": reloaded}
    saved = _save(case.tokenizer)
    advice = "make `finalize` a function of the counts alone, and counts independent of the order of rows"
    for way, other in ways.items():
        same = other.vocabulary.hash == case.tokenizer.vocabulary.hash
        _require(same, MERGING, f"fitting by {way} gives another vocabulary", advice=advice)
        _require(_save(other) == saved, MERGING, f"fitting by {way} saves other bytes", advice=advice)


def _reload(tokenizer: DomainTokenizer, encoders: tuple[EncoderType, ...]) -> DomainTokenizer:
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder) / "tokenizer", counts=True)
        return DomainTokenizer.load(Path(folder) / "tokenizer", encoders)


def _save(tokenizer: DomainTokenizer) -> Mapping[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder) / "tokenizer")
        return {path.name: path.read_bytes() for path in sorted((Path(folder) / "tokenizer").iterdir())}


def _check_saving(case: ContractCase) -> None:
    tokenizer, streams = case.tokenizer, case.streams
    copied = np.array_equal(deepcopy(tokenizer).encode(case.rows).ids, streams.ids)
    _require(copied, SAVING, "a copied tokenizer encodes differently")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "tokenizer"
        tokenizer.save(home)
        loaded = DomainTokenizer.load(home, case.encoders)
        same = np.array_equal(loaded.encode(case.rows).ids, streams.ids)
        _require(same, SAVING, "a loaded tokenizer encodes differently")
        _require(_alike(loaded.decode(streams), tokenizer.decode(streams)), SAVING, "a loaded one decodes differently")
        for path in sorted(home.iterdir()):
            data = bytearray(path.read_bytes())
            for name, broken in (("cut short", data[: len(data) // 2]), ("altered", _flip_bit(data))):
                path.write_bytes(broken)
                try:
                    DomainTokenizer.load(home, case.encoders)
                except ArtifactError:
                    pass
                else:
                    raise ContractError(SAVING, f"{path.name}, {name}, was loaded")
            path.write_bytes(data)


def _flip_bit(data: bytearray) -> bytearray:
    flipped = bytearray(data)
    # one bit, far from both ends
    flipped[len(data) * 2 // 3] ^= 1
    return flipped


def _check_serving(case: ContractCase) -> None:
    rows, streams = case.rows, case.streams
    keys = rows.select(list(case.schema.entity)).to_pylist()
    for number, entity in list(enumerate(streams.entities.to_pylist()))[:5]:
        own = rows.filter(pa.array([key == entity for key in keys]))
        alone = case.tokenizer.encode_entity(own.to_pylist())
        _require(
            alone.tolist() == streams[number].tolist(), SERVING, f"the history of {entity} alone is encoded differently"
        )


def _check_ids(case: ContractCase) -> None:
    tokenizer, rows = case.fitted(), case.rows
    before, old = tokenizer.vocabulary, tokenizer.encode(rows)
    tokenizer.extend(rows)
    after = tokenizer.vocabulary
    _require(after.names[: len(before)] == before.names, IDS, "extending moved an id")
    chained = after.generations[: len(before.generations)] == before.generations
    _require(chained, IDS, "extending breaks the chain of generations")
    _require(after.accepts(before), IDS, "an extended vocabulary refuses its own earlier streams")
    _require(len(tokenizer.decode(old.ids, old.offsets)) == old.events, IDS, "old streams no longer decode")
    new = tokenizer.encode(rows)
    again = tokenizer.encode(tokenizer.decode(new))
    _require(np.array_equal(again.ids, new.ids), IDS, "after extending, encode(decode(ids)) gives other ids")


def _check_composites(case: ContractCase) -> None:
    tokenizer, (fit, rows) = case.fitted(), (table.slice(0, ENOUGH_ROWS) for table in (case.fit, case.rows))
    before = tokenizer.vocabulary
    # some of the drawn tables with composites across events, some without
    across = len(rows) % 2 == 0
    spec = Composite(vocabulary_size=20, min_weight=0.0, across_events=across)
    tokenizer.fit_composites(tokenizer.encode(fit), spec)
    _require(tokenizer.vocabulary.names[: len(before)] == before.names, COMPOSITES, "composites moved an id")
    base = tokenizer.encode(rows)
    decoded = tokenizer.decode(base)
    for made in (base.composites("greedy"), base.composites("spr", seed=1), base.composites("spr", seed=1, epoch=1)):
        _require(len(made.ids) <= len(base.ids), COMPOSITES, "composites made streams longer")
        _require(_alike(tokenizer.decode(made), decoded), COMPOSITES, "composites do not expand to the base tokens")
        alone = len(tokenizer.decode(made.ids, made.offsets))
        _require(alone == base.events, COMPOSITES, f"{base.events} events with composites decode to {alone}")
    same = np.array_equal(base.composites("greedy").ids, base.composites("greedy").ids)
    _require(same, COMPOSITES, "greedy segmentation differs from time to time")


CONTRACTS = (
    Contract(ENCODERS, "each encoder does as its methods promise, on its own column", _check_encoders),
    Contract(COMPLETE, "rows in = rows encoded + refused + left out; no value is unknown", _check_complete),
    Contract(ROUND_TRIP, "streams decode to their rows, and encode(decode(ids)) == ids", _check_round_trip),
    Contract(NUMBERS, "a bucket decodes to the value seen in it that is nearest to its mean", _check_numbers),
    Contract(ORDER, "order, chunks, threads and shards do not change a stream", _check_order),
    Contract(MERGING, "fitting in parts gives the same tokenizer, byte for byte", _check_merging, 4),
    Contract(IDS, "a vocabulary grows without moving an id", _check_ids),
    Contract(SAVING, "a saved tokenizer comes back, and a damaged one is refused", _check_saving, 3),
    Contract(SERVING, "one history alone is encoded as in the table", _check_serving),
    Contract(COMPOSITES, "composites expand to exactly the base tokens", _check_composites, 2),
)
