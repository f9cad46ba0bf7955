"""`evaluate_clusters`: k-means over embeddings, and rules that say which clusters are bots.

As in the paper on scaling models of ad activity (its section 5): converting users stand in for people, since nobody
knows who is one. Clusters are ordered by the rules, and the highest are called bots as long as they hold at most a
fixed share of the converting events. That share is calibrated on one half of the entities and reported on the other:
on the half that chose the clusters it would be too low.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field as Constraint

from domaintoolkit.clusters.cluster_report import ClusterReport, FlagRow, Spread
from domaintoolkit.clusters.flagging import find_clusters, flag_clusters, score_clusters
from domaintoolkit.clusters.traffic_rules import rank_entities, rule_values
from domaintoolkit.errors import DataError, Problem, Refusal, SchemaError
from domaintoolkit.model import EventModel, TokenModel, embed
from domaintoolkit.next_events import read_histories
from domaintoolkit.probes import untrained_twin
from domaintoolkit.schema.declaration import declaration
from domaintoolkit.storage import EncodedFolder, open_encoded
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["ClusterSettings", "evaluate_clusters"]

LENGTHS = (1, 2, 6, 21, 101)
"""The least numbers of events of the groups of entities that are reported one by one."""
Advance = Callable[[str, int, int], None]
Floats = NDArray[np.float64]


@declaration
class ClusterSettings:
    """The settings of a search for bots.

    `rules` order the clusters (see `traffic_rules`). Events whose label `converted` is not zero, false, empty or
    missing stand in for people, and the clusters that are called bots hold at most the share `rate` of them. With
    `truth`, a label that says what an entity is, figures are also given by it; those in `people` are not bots.
    """

    rules: Annotated[tuple[str, ...], Constraint(min_length=1)]
    converted: Annotated[str, Constraint(min_length=1)]
    rate: Annotated[float, Constraint(gt=0, lt=1)] = 0.01
    clusters: Annotated[int, Constraint(ge=2)] | None = None
    truth: str | None = None
    people: tuple[str, ...] = ()
    repeats: Annotated[int, Constraint(ge=1)] = 5
    seed: Annotated[int, Constraint(ge=0)] = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Entities:
    """n entities, as they are judged."""

    events: NDArray[np.int64]  # (n,) as `converting` and `kinds`
    converting: NDArray[np.int64]
    """Their converting events."""
    ranks: Floats
    """(n, rules)"""
    kinds: NDArray[Any] | None
    clusters: int


def evaluate_clusters(
    model: EventModel | TokenModel, folder: str | Path, settings: ClusterSettings, advance: Advance | None = None
) -> ClusterReport:
    """Find bots with the embeddings of a model, of an untrained one of the same shape, and with the rules alone.

    Raises `SchemaError` for a rule, field or label that there is not, and `DataError` if nothing converts.
    """
    encoded = open_encoded(folder)
    tokenizer = DomainTokenizer.load(encoded.tokenizer_folder)
    model.check_vocabulary(tokenizer.vocabulary)
    histories = read_histories(encoded, tokenizer.grammar)
    owners = np.repeat(np.arange(len(histories)), histories.counts)  # (events,)
    converted = is_set(_read_label(encoded, settings.converted))
    # (n, rules)
    ranks = np.stack([rank_entities(rule_values(histories, tokenizer, rule)) for rule in settings.rules], 1)
    kinds = None if settings.truth is None else _kinds(_read_label(encoded, settings.truth), histories.events)
    converting = np.bincount(owners[converted], minlength=len(histories))  # (n,)
    if not converting.any():
        raise DataError([Refusal(None, settings.converted, "no event converts, so nothing stands in for people")])
    known = set() if kinds is None else set(kinds.tolist())
    if unknown := [kind for kind in settings.people if kind not in known]:
        raise SchemaError([Problem("people", f"{unknown[0]!r} is not a value of {settings.truth!r}")], "options")
    # by default about fifty entities a cluster
    count = settings.clusters or int(np.clip(len(histories) // 50, 10, 500))
    entities = _Entities(histories.counts, converting, ranks, kinds, min(count, len(histories)))

    def vectors_of(which: EventModel | TokenModel) -> Floats:
        segmenter = tokenizer.segmenter if which.config.composites else None
        found = embed(which, histories.ids, histories.offsets, "mean", segmenter=segmenter)
        return np.asarray(found, np.float64)

    makers: dict[str, Callable[[], Floats]] = {
        "model": lambda: vectors_of(model),
        "untrained model": lambda: vectors_of(untrained_twin(model)),
        # a rule that says nothing of an entity speaks neither for nor against it
        "rules alone": lambda: np.nan_to_num(ranks, nan=0.5),
    }
    rows = []
    for number, (name, make) in enumerate(makers.items()):
        rows.append(_flag(name, make(), entities, settings))
        if advance is not None:
            advance("clustering", number + 1, len(makers))
    return ClusterReport(
        entities=len(histories),
        events=int(histories.counts.sum()),
        converting=int(converting.sum()),
        clusters=entities.clusters,
        rules=settings.rules,
        rate=settings.rate,
        repeats=settings.repeats,
        rows=tuple(rows),
        verdict=_verdict(rows),
        notes=_notes(int(converting.sum()), settings.rate),
    )


def _notes(converting: int, rate: float) -> tuple[str, ...]:
    """A warning if one converting event is more than the rate allows."""
    # half of the entities are calibrated on, and so about half of the converting events
    if converting / 2 * rate >= 1:
        return ()
    steadier = min(0.5, 10 / converting)
    note = (
        f"half of {converting:,} converting events at a rate of {rate:.2%} is less than one event, so a single one "
        f"decides how many clusters are called invalid; a rate of {steadier:.2%} or more would be steadier"
    )
    return (note,)


def _flag(name: str, vectors: Floats, entities: _Entities, settings: ClusterSettings) -> FlagRow:
    """Cluster, calibrate on one half of the entities and report on the other, several times."""
    found: dict[str, list[float]] = {}
    for repeat in range(settings.repeats):
        seed = settings.seed + repeat
        cluster = find_clusters(vectors, entities.clusters, seed)
        half = np.random.default_rng(seed).permutation(len(cluster)) % 2 == 0  # (n,) True for the half that calibrates
        scores = score_clusters(cluster[half], entities.ranks[half], entities.events[half], entities.clusters)
        made = flag_clusters(cluster[half], scores, entities.converting[half], settings.rate)
        bot = made.flagged[cluster]  # (n,)
        for key, value in _figures(bot, ~half, entities, settings).items():
            found.setdefault(key, []).append(value)
        found.setdefault("calibrated", []).append(made.calibrated)
    spreads = {key: _spread(values) for key, values in found.items()}

    def take(head: str) -> dict[str, Spread]:
        return {key.removeprefix(head): value for key, value in spreads.items() if key.startswith(head)}

    return FlagRow(
        name=name,
        calibrated=spreads["calibrated"],
        false_positives=spreads["false positives"],
        invalid=spreads["invalid"],
        by_length=take("length "),
        by_kind=take("kind "),
        people=spreads.get("people"),
        bots=spreads.get("bots"),
    )


def _figures(
    bot: NDArray[np.bool_], part: NDArray[np.bool_], entities: _Entities, settings: ClusterSettings
) -> dict[str, float]:
    """Shares of the events of `part` that are in clusters called bots."""

    def share(chosen: NDArray[np.bool_], weights: NDArray[np.int64]) -> float:
        total = int(weights[chosen].sum())
        return float(weights[chosen & bot].sum() / total) if total else np.nan

    found = {"false positives": share(part, entities.converting), "invalid": share(part, entities.events)}
    # each group ends before the next one begins; the last has no end
    ends = [*(low - 1 for low in LENGTHS[1:]), None]
    for low, high in zip(LENGTHS, ends, strict=True):
        within = part & (entities.events >= low) & (entities.events <= (high or entities.events.max(initial=1)))
        label = str(low) if low == high else f"{low} to {high}" if high else f"{low} or more"
        found[f"length {label}"] = share(within, entities.events)
    if entities.kinds is not None:
        for kind in np.unique(entities.kinds).tolist():
            found[f"kind {kind}"] = share(part & (entities.kinds == kind), entities.events)
        if settings.people:
            person = np.isin(entities.kinds, settings.people)
            found["people"] = share(part & person, entities.events)
            found["bots"] = share(part & ~person, entities.events)
    return found


def _spread(values: list[float]) -> Spread:
    there = [value for value in values if value == value]  # not NaN
    if not there:
        return Spread(np.nan, np.nan, np.nan)
    return Spread(float(np.mean(there)), min(there), max(there))


def _read_label(encoded: EncodedFolder, name: str) -> pa.Array:
    """(events,) the label of each event. Raises `SchemaError` if the streams have no such label."""
    found, known = [], list[str]()
    for shard in range(len(encoded.manifest.shards)):
        table = encoded.table(shard)
        labels = table["labels"].combine_chunks() if "labels" in table.column_names else None
        known = [] if labels is None else [labels.type.field(k).name for k in range(labels.type.num_fields)]
        if name not in known:
            reason = f"the streams have no label {name!r}; they have: {', '.join(map(repr, known)) or 'none'}"
            raise SchemaError([Problem("converted", reason)], "options")
        found.append(pc.struct_field(labels, known.index(name)).flatten())
    return pa.concat_arrays([each.combine_chunks() if isinstance(each, pa.ChunkedArray) else each for each in found])


NO = ("", "0", "0.0", "false", "f", "no", "n", "nan", "none", "null", "off")
"""Texts of a label that is not set, in small letters."""


def is_set(values: pa.Array) -> NDArray[np.bool_]:
    """(events,) True for a value that is not missing, zero, NaN, a word for no, or empty."""
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        texts = pc.utf8_lower(pc.utf8_trim_whitespace(values.cast(pa.string()).fill_null("")))
        return np.asarray(pc.invert(pc.is_in(texts, value_set=pa.array(NO))))
    return np.asarray(np.nan_to_num(np.asarray(values.cast(pa.float64()).fill_null(0.0))) != 0)


def _kinds(values: pa.Array, events: NDArray[np.int64]) -> NDArray[Any]:
    """(n,) the label of the last event of each history."""
    texts = np.asarray(values.cast(pa.string()).fill_null("").to_pylist(), object)
    # `events` are offsets (n + 1,)
    return texts[np.maximum(events[1:] - 1, 0)].astype(str)


def _verdict(rows: list[FlagRow]) -> str:
    """A sentence on which vectors find most."""
    by_name = {row.name: row for row in rows}
    best, model = max(rows, key=lambda row: row.invalid.mean), by_name["model"]
    other = max((row for row in rows if row.name != "model"), key=lambda row: row.invalid.mean)
    if model.invalid.least > other.invalid.greatest or model.invalid.greatest < other.invalid.least:
        word = "in every repeat"
    else:
        word = "but not in every repeat"
    more = "more" if best is model else "less"
    return (
        f"The embeddings of the model call {model.invalid.mean:.1%} of the events invalid, {more} than {other.name} "
        f"({other.invalid.mean:.1%}), {word}; {model.false_positives.mean:.1%} of the converting events are among them."
    )
