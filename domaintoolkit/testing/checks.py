"""Every contract, as checks that raise `AssertionError` and say which one is broken."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable
from copy import deepcopy
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domaintoolkit.encoders import EncoderType, GroupedNumericEncoder, NumericEncoder, pair_columns
from domaintoolkit.errors import ArtifactError
from domaintoolkit.reading import open_source, read_sample, write_sample
from domaintoolkit.schema import Categorical, Composite, Domain, Schema, Text
from domaintoolkit.storage.shards import shard_table
from domaintoolkit.streams import Streams
from domaintoolkit.testing.strategies import tables
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.rows.column_types import decoded_type
from domaintoolkit.values.columns import plain
from domaintoolkit.values.value_names import as_categories

__all__ = ["check_domain", "check_table"]


def check_domain(
    domain: Domain,
    events: int = 2_000,
    examples: int = 25,
    encoders: Iterable[EncoderType] = (),
    custom: st.SearchStrategy[Any] | None = None,
) -> None:
    """Run every contract against a domain: on its sample, and on `examples` drawn tables of edge values.

    `encoders` are those of `Custom` fields that are not installed, `custom` draws their values. Raises
    `AssertionError` that names the contract.
    """
    encoders = tuple(encoders)
    table = _sample(domain, events)
    check_table(domain.schema, table.slice(0, len(table) // 2), table, encoders)
    _check_reader(domain, table)
    types = {name: table.schema.field(name).type for name in domain.schema.columns}

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(tables(domain.schema, types=types, custom=custom), tables(domain.schema, types=types, custom=custom))
    def check(fit: pa.Table, rows: pa.Table) -> None:
        check_table(domain.schema, fit, rows, encoders)

    check()


def _sample(domain: Domain, events: int) -> pa.Table:
    table, again = (read_sample(domain, events, seed=1).read_all() for _ in range(2))
    assert _alike(table, again), "the sample is not the same for the same seed"
    missing = [column.name for column in domain.reader.columns if column.name not in table.column_names]
    assert not missing, f"the sample lacks the reader's columns {missing}"
    return table


def _check_reader(domain: Domain, table: pa.Table) -> None:
    """The sample, written as raw files and read again, is encoded to the same streams."""
    tokenizer = DomainTokenizer(domain.schema).fit(table) if not _custom(domain.schema) else None
    if tokenizer is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in ("sample.csv", "sample.parquet"):
            path = write_sample(domain, Path(folder) / name, len(table), seed=1)
            batches = [batch.records for batch in open_source([str(path)], domain.reader).batches()]
            read = pa.Table.from_batches(batches)
            first, second = tokenizer.encode(_whole_seconds(domain, table)), tokenizer.encode(read)
            assert np.array_equal(first.ids, second.ids), f"the reader does not read back the rows of {name}"


def _custom(schema: Schema) -> bool:
    return any(spec.type == "custom" for spec in (*schema.fields, *schema.static))


def _whole_seconds(domain: Domain, table: pa.Table) -> pa.Table:
    """Times as a file shows them: a format without fractions drops them."""
    for column in domain.reader.columns:
        if column.time_format is not None and pa.types.is_timestamp(table.schema.field(column.name).type):
            place = table.column_names.index(column.name)
            floored = pc.floor_temporal(table[column.name], unit="second")
            table = table.set_column(place, column.name, floored)
    return table


def check_table(schema: Schema, fit: pa.Table, rows: pa.Table, encoders: Iterable[EncoderType] = ()) -> Streams:
    """Run every contract on one schema, fitted on one table and encoding another; gives the streams back."""
    encoders = tuple(encoders)
    tokenizer = DomainTokenizer(schema, encoders, threads=1).fit(fit)
    streams = tokenizer.encode(rows)
    _check_complete(schema, rows, streams)
    _check_round_trip(schema, tokenizer, rows, streams)
    _check_numbers(tokenizer, fit)
    _check_deterministic(tokenizer, rows, streams)
    _check_merging(schema, tokenizer, fit, encoders)
    _check_saving(tokenizer, rows, streams, encoders)
    _check_entities(schema, tokenizer, rows, streams)
    _check_extending(schema, fit, rows, encoders)
    _check_composites(schema, fit, rows, encoders)
    return streams


def _check_complete(schema: Schema, rows: pa.Table, streams: Streams) -> None:
    counts = streams.counts
    assert counts.rows_in == len(rows), "contract 1: rows in are not counted"
    assert counts.rows_refused == 0, f"contract 1: rows of supported types were refused: {streams.refused[:3]}"
    assert streams.events + counts.rows_left_out == len(rows), "contract 1: rows got lost"
    if schema.min_events == 1 and schema.max_events is None:
        assert counts.rows_left_out == 0, "contract 1: rows were left out although no limit applies to them"
    assert not any(token.key.lower() == "unk" for token in streams.vocabulary), "contract 1: there is an UNK token"


def _check_round_trip(schema: Schema, tokenizer: DomainTokenizer, rows: pa.Table, streams: Streams) -> None:
    decoded = tokenizer.decode(streams)
    assert len(decoded) == streams.events, "contract 2: the streams parse into a different number of events"
    alone = tokenizer.decode(streams.ids, streams.offsets)
    for name in decoded.column_names:
        if name in alone.column_names and name not in schema.entity:
            assert _alike(alone[name], decoded[name]), f"contract 2: {name!r} does not follow from the ids alone"
    expected = _expected(schema, rows, streams)
    for name, values in expected.items():
        assert decoded[name].to_pylist() == values, f"contract 3: {name!r} does not come back exactly"
    again = tokenizer.encode(decoded)
    assert np.array_equal(again.ids, streams.ids), "contract 3: encode(decode(ids)) is not ids"
    assert np.array_equal(again.offsets, streams.offsets), "contract 3: encode(decode(ids)) has other streams"


def _alike(first: Any, second: Any) -> bool:
    """Equal, where NaN equals NaN, as Arrow has it not."""
    return repr(first.to_pylist()) == repr(second.to_pylist())


def _expected(schema: Schema, rows: pa.Table, streams: Streams) -> dict[str, list[Any]]:
    """The columns that must come back exactly if entity and time alone give the order of the rows."""
    if streams.counts.rows_left_out:
        return {}
    places = list(range(len(rows)))
    entities = list(zip(*(rows[name].to_pylist() for name in schema.entity), strict=True)) if len(rows) else []
    times = [(time is not None, time) for time in rows[schema.time].to_pylist()] if schema.time else places
    keys = list(zip(entities, times, strict=True))
    exact = [spec.name for spec in schema.fields if isinstance(spec, Text)]
    exact += [spec.name for spec in schema.fields if isinstance(spec, Categorical) and spec.unseen == "spell"]
    order = sorted(places, key=keys.__getitem__)
    if len(set(keys)) < len(keys) or (schema.time is None and schema.has_order):
        return {name: [entities[k][at] for k in order] for at, name in enumerate(schema.entity)}
    expected = {name: [rows[name][k].as_py() for k in order] for name in exact}
    return expected | {name: [entities[k][at] for k in order] for at, name in enumerate(schema.entity)}


def _check_numbers(tokenizer: DomainTokenizer, fit: pa.Table) -> None:
    """A bucket decodes to the value seen in it that is nearest to its mean, and whole numbers to whole ones."""
    for bound in tokenizer.layout.bound:
        if not isinstance(bound.encoder, NumericEncoder | GroupedNumericEncoder):
            continue
        spec = bound.encoder.spec
        column = plain(fit[spec.name])
        numbers = bound.encoder.prepare(spec, column).values
        things = None if spec.by is None else as_categories(plain(fit[spec.by])).values
        parts = bound.encoder.encode(numbers if things is None else pair_columns(numbers, things)).parts
        kind = decoded_type(tokenizer.types[spec.name], spec)
        tokens = [tuple(cells.sequence(int(code)).tolist() for cells, code in zip(parts, codes, strict=True))
                  for codes in zip(*(cells.codes for cells in parts), strict=True)]  # fmt: skip
        chances = np.random.default_rng(0).random(len(column))
        decoded, drawn = bound.encoder.decode(parts, kind), bound.encoder.sample(parts, kind, chances)
        again, random = (bound.encoder.prepare(spec, values).values.to_pylist() for values in (decoded, drawn))
        seen: dict[Any, list[float]] = {}
        for key, number in zip(map(str, tokens), numbers.to_pylist(), strict=True):
            if number is not None and math.isfinite(number):
                seen.setdefault(key, []).append(number)
        every = [number for group in seen.values() for number in group]
        if all(number.is_integer() for number in every) and pa.types.is_integer(kind):
            assert decoded.type == drawn.type == kind, f"whole numbers of {spec.name!r} come back as {decoded.type}"
        for key, number, other in zip(map(str, tokens), again, random, strict=True):
            group = seen.get(key)
            if group is None:
                continue
            assert number in group, f"a bucket of {spec.name!r} decodes to {number}, which was not seen in it"
            assert other in group, f"a bucket of {spec.name!r} gives {other} by chance, which was not seen in it"
            mean = sum((Fraction(value) for value in group), Fraction(0)) / len(group)
            least = min(abs(Fraction(value) - mean) for value in group)
            slack = max(abs(Fraction(value)) for value in group) / 10**12
            off = abs(Fraction(number) - mean)
            assert off <= least + slack, f"the sum of {spec.name!r} does not survive: {number} is not nearest to {mean}"


def _check_deterministic(tokenizer: DomainTokenizer, rows: pa.Table, streams: Streams) -> None:
    if tokenizer.schema.has_order:
        for seed in range(2):
            order = np.random.default_rng(seed).permutation(len(rows))
            shuffled = tokenizer.encode(rows.take(pa.array(order, pa.int64())))
            assert np.array_equal(shuffled.ids, streams.ids), "contract 4: the order of the input changes the streams"
            if streams.labels is not None and shuffled.labels is not None:
                assert shuffled.labels.equals(streams.labels), "contract 4: the order of the input moves labels"
    middle = len(rows) // 3
    chunked = pa.concat_tables([rows.slice(0, middle), rows.slice(middle)])
    assert np.array_equal(tokenizer.encode(chunked).ids, streams.ids), "contract 4: chunking changes the streams"
    by_hash = shard_table(tokenizer.encode_by_hash(rows))
    assert by_hash.equals(shard_table(streams)), "contract 4: shards hold other streams than tables give"
    threaded = deepcopy(tokenizer)
    threaded.threads = 2
    assert np.array_equal(threaded.encode(rows).ids, streams.ids), "contract 4: threads or a copy change the streams"


def _check_merging(
    schema: Schema, tokenizer: DomainTokenizer, fit: pa.Table, encoders: tuple[EncoderType, ...]
) -> None:
    middle = len(fit) // 2
    halves = [fit.slice(0, middle), fit.slice(middle)]
    batched = DomainTokenizer(schema, encoders)
    for half in halves:
        batched.partial_fit(half)
    one, two = (DomainTokenizer(schema, encoders).fit(half) for half in halves)
    backwards = DomainTokenizer(schema, encoders).merge(two).merge(one)
    travelled = DomainTokenizer(schema, encoders)
    travelled.fit_states(travelled.restore_state(travelled.fit_state(half).dump()) for half in halves)
    one, two = (_reloaded(half, encoders) for half in (one, two))
    reloaded = one.merge(two)
    ways = {"batches": batched, "merging": backwards, "dumped states": travelled, "merging loaded tokenizers": reloaded}
    for way, other in ways.items():
        assert other.vocabulary.hash == tokenizer.vocabulary.hash, f"contract 5: fitting by {way} differs"
        assert _saved(other) == _saved(tokenizer), f"contract 5: fitting by {way} saves other bytes"


def _reloaded(tokenizer: DomainTokenizer, encoders: tuple[EncoderType, ...]) -> DomainTokenizer:
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder) / "tokenizer", counts=True)
        return DomainTokenizer.load(Path(folder) / "tokenizer", encoders)


def _saved(tokenizer: DomainTokenizer) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder) / "tokenizer")
        return {path.name: path.read_bytes() for path in sorted((Path(folder) / "tokenizer").iterdir())}


def _check_saving(
    tokenizer: DomainTokenizer, rows: pa.Table, streams: Streams, encoders: tuple[EncoderType, ...]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "tokenizer"
        tokenizer.save(home)
        loaded = DomainTokenizer.load(home, encoders)
        assert np.array_equal(loaded.encode(rows).ids, streams.ids), (
            "contract 7: a loaded tokenizer encodes differently"
        )
        assert _alike(loaded.decode(streams), tokenizer.decode(streams)), "contract 7: ... decodes differently"
        for path in sorted(home.iterdir()):
            data = bytearray(path.read_bytes())
            for name, broken in (("cut short", data[: len(data) // 2]), ("altered", _flipped(data))):
                path.write_bytes(broken)
                try:
                    DomainTokenizer.load(home, encoders)
                except ArtifactError:
                    pass
                else:
                    raise AssertionError(f"contract 7: {path.name}, {name}, was loaded")
            path.write_bytes(data)


def _flipped(data: bytearray) -> bytearray:
    flipped = bytearray(data)
    flipped[len(data) * 2 // 3] ^= 1
    return flipped


def _check_entities(schema: Schema, tokenizer: DomainTokenizer, rows: pa.Table, streams: Streams) -> None:
    keys = rows.select(list(schema.entity)).to_pylist()
    for number, entity in list(enumerate(streams.entities.to_pylist()))[:5]:
        own = rows.filter(pa.array([key == entity for key in keys]))
        alone = tokenizer.encode_entity(own.to_pylist())
        assert alone.tolist() == streams[number].tolist(), "one history alone is encoded differently"


def _check_composites(schema: Schema, fit: pa.Table, rows: pa.Table, encoders: tuple[EncoderType, ...]) -> None:
    tokenizer = DomainTokenizer(schema, encoders).fit(fit)
    before = tokenizer.vocabulary
    across = len(rows) % 2 == 0
    tokenizer.fit_composites(tokenizer.encode(fit), Composite(vocabulary_size=20, min_weight=0.0, across_events=across))
    assert tokenizer.vocabulary.names[: len(before)] == before.names, "contract 6: composites moved an id"
    base = tokenizer.encode(rows)
    decoded = tokenizer.decode(base)
    for made in (base.composites("greedy"), base.composites("spr", seed=1), base.composites("spr", seed=1, epoch=1)):
        assert len(made.ids) <= len(base.ids), "composites made streams longer"
        assert _alike(tokenizer.decode(made), decoded), "contract 3: composites do not expand to the base tokens"
        assert len(tokenizer.decode(made.ids, made.offsets)) == base.events, "contract 2: ... from their ids alone"
    assert np.array_equal(base.composites("greedy").ids, base.composites("greedy").ids), "contract 4: greedy differs"


def _check_extending(schema: Schema, fit: pa.Table, rows: pa.Table, encoders: tuple[EncoderType, ...]) -> None:
    tokenizer = DomainTokenizer(schema, encoders).fit(fit)
    before, old = tokenizer.vocabulary, tokenizer.encode(rows)
    tokenizer.extend(rows)
    after = tokenizer.vocabulary
    assert after.names[: len(before)] == before.names, "contract 6: extending moved an id"
    assert after.generations[: len(before.generations)] == before.generations, "contract 6: the chain is broken"
    assert after.accepts(before), "contract 6: an extended vocabulary refuses its own earlier streams"
    assert len(tokenizer.decode(old.ids, old.offsets)) == old.events, "contract 6: old streams no longer decode"
    new = tokenizer.encode(rows)
    assert np.array_equal(tokenizer.encode(tokenizer.decode(new)).ids, new.ids), "contract 6: the round trip fails"
