"""Histories that the model writes, beside real held-out ones: do they look alike, and are they copies?"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import DomainToolkitError
from domaintoolkit.generate import Generator, Sampling
from domaintoolkit.grammar import Grammar, event_starts
from domaintoolkit.model import EventModel, TokenModel
from domaintoolkit.report.charts import Figure, Table, bar_chart, heat_map, histogram
from domaintoolkit.report.folder.chosen_rows import ChosenRows
from domaintoolkit.schema import Categorical
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["GeneratedReport", "compare_generated"]

Ints = NDArray[np.int64]

STATES = 7
"""Values of the field of the transitions."""
VALUES = 12
MARGINALS = 4
"""Parts whose values are drawn."""
TOGETHER = 8
DRAWS = 8
"""Draws of real histories that are compared with the other real ones."""
SECONDS = 20.0
NONE = -1
"""A part that an event does not have."""


@dataclass(frozen=True, slots=True)
class GeneratedReport:
    """The comparison: sentences, figures, and one generated history."""

    sentences: list[str]
    figures: list[Figure]
    table: Table
    example: list[int]


def compare_generated(
    model: TokenModel | EventModel,
    tokenizer: DomainTokenizer,
    held_out: ChosenRows,
    training: ChosenRows,
    count: int,
    events: int,
    has_new_entities: bool = True,
) -> GeneratedReport | str:
    """Write `count` histories of `events` events and compare them with the beginnings of real ones of that length.

    Without `has_new_entities` the model was trained on `held_out` too, so nothing tells if it copies. Returns the
    reason if none can be written, or if there are no real ones to compare.
    """
    grammar = tokenizer.grammar
    # (n, events, P) each: histories with fewer events are left out
    real, seen = _cells(grammar, held_out.ids, events), _cells(grammar, training.ids, events)
    if not len(real) or not len(seen):
        side = "held-out" if has_new_entities else "real"
        return f"no {side} or no training history has {events} events to compare with"
    try:
        written = _write(Generator(model, tokenizer), count, events)
    except DomainToolkitError as error:
        return str(error)
    made = _cells(grammar, written, events)
    if not len(made):
        return f"no generated history reached {events} events"
    shown = "held out" if has_new_entities else "real"
    distances = {name: _nearest(cells, seen) for name, cells in (("generated", made), (shown, real))}
    gaps = _gaps(tokenizer, real, made)
    figures = [
        *_marginals(tokenizer, real, made), *([] if gaps is None else [gaps]), *_transitions(tokenizer, real, made),
        _copying(distances, has_new_entities),
    ]  # fmt: skip
    table = _distance_table(tokenizer, real, made)
    copies = {name: float((values == 0).mean()) for name, values in distances.items()}
    near = {name: float(np.median(values)) for name, values in distances.items()}
    compared = (
        f"{len(made):,} histories of {events} events were generated and compared with the first {events} events of "
        f"{len(real):,} {shown.replace(' ', '-')} and {len(seen):,} training histories."
    )
    if has_new_entities:
        copying = _tell_copying(near["generated"], near[shown])
    else:
        copying = "Nothing tells if the model copies: no entity was held out, so it was trained on the real ones too"
    copying += (
        f": half of the generated ones differ from the nearest training history in at least {near['generated']:.0%} of "
        f"their tokens, half of the {shown.replace(' ', '-')} ones in {near[shown]:.0%}; exact copies are "
        f"{copies['generated']:.1%} and {copies[shown]:.1%}."
    )
    sentences = [compared, copying]
    return GeneratedReport(sentences, figures, table, written[0].tolist())


def _tell_copying(generated: float, held_out: float) -> str:
    """A verdict on the median distances from the training data."""
    if not held_out:
        return "Nothing tells if the model copies, since most real new histories equal training histories themselves"
    if generated >= 0.9 * held_out:
        return "The model is not copying, since generated histories are as far from the training data as real new ones"
    return "The model may be copying, since generated histories are nearer to the training data than real new ones"


def _write(generator: Generator, count: int, events: int) -> list[Ints]:
    """New histories; of a model that spells everything, which is slow, as many as a few seconds allow."""
    written: list[Ints] = []
    began = time.perf_counter()
    while len(written) < count and (not written or time.perf_counter() - began < SECONDS):
        # one at first, which tells if the model is slow: that of a table of 200 columns writes 200 values an event
        together = min(max(TOGETHER, 2 * len(written)) if written else 1, count - len(written))
        made = generator.write(together, events, Sampling(seed=len(written)))
        written += [each.ids for each in made]
    return written


def _cells(grammar: Grammar, histories: Sequence[NDArray[np.integer[Any]]], events: int) -> Ints:
    """(n, events, P): the first token of each part of the first events of histories that have so many."""
    found = []
    for history in histories:
        ids = np.asarray(history, np.int64)
        starts = event_starts(ids, grammar)
        if len(starts) < events:
            continue
        end = int(starts[events]) if len(starts) > events else len(ids)
        cells = np.full((events, grammar.event_parts), NONE, np.int64)
        # positions of the tokens of the first `events` events
        inside = np.arange(int(starts[0]), end)
        part = grammar.place[ids[inside]] - grammar.header_parts
        kept = grammar.start[ids[inside]] & (part >= 0)
        # (first tokens of values,): the event that each is in
        event = np.searchsorted(starts, inside[kept], "right") - 1
        cells[event, part[kept]] = ids[inside[kept]]
        found.append(cells)
    return np.stack(found) if found else np.zeros((0, events, grammar.event_parts), np.int64)


def _nearest(histories: Ints, seen: Ints) -> NDArray[np.float64]:
    """(n,) the share of cells in which each history differs from the training history that is most like it."""
    flat, known = histories.reshape(len(histories), -1), seen.reshape(len(seen), -1)  # (n, events * P)
    least = np.ones(len(flat))
    for low in range(0, len(flat), 16):
        # (16, training histories)
        differs = (flat[low : low + 16, None] != known[None]).mean(2)
        least[low : low + 16] = differs.min(1)
    return least


def _shares(cells: Ints) -> dict[int, float]:
    values, counts = np.unique(cells[cells != NONE], return_counts=True)
    total = max(1, int(counts.sum()))
    return {int(value): int(count) / total for value, count in zip(values, counts, strict=True)}


def _apart(left: dict[int, float], right: dict[int, float]) -> float:
    """Total variation: the share of probability that would have to move."""
    return 0.5 * sum(abs(left.get(key, 0) - right.get(key, 0)) for key in {*left, *right})


def _distance_table(tokenizer: DomainTokenizer, real: Ints, made: Ints) -> Table:
    """For each part: how far apart the shares are, how far as many real ones are from the others, and the nulls."""
    grammar, vocabulary = tokenizer.grammar, tokenizer.vocabulary
    rows = []
    few = min(len(made), len(real) // 2)
    orders = [np.random.default_rng(seed).permutation(len(real)) for seed in range(DRAWS)]
    for part in range(grammar.event_parts):
        own, theirs = _shares(real[:, :, part]), _shares(made[:, :, part])
        draws = [
            _apart(_shares(real[order[:few], :, part]), _shares(real[order[few:], :, part])) for order in orders if few
        ]
        noise = sum(draws) / len(draws) if draws else None
        nulls = [
            sum(share for token, share in shares.items() if vocabulary.token(token).name.endswith(" null]"))
            for shares in (own, theirs)
        ]
        rows.append([
            grammar.part_names[grammar.header_parts + part], f"{_apart(own, theirs):.3f}",
            "" if noise is None else f"{noise:.3f}",
            *(f"{null:.1%}" for null in nulls), len(own), len(theirs),
        ])  # fmt: skip
    header = ("part", "difference", "of as many real ones", "null, real", "generated", "values, real", "generated")
    return Table.of(header, rows)


def _marginals(tokenizer: DomainTokenizer, real: Ints, made: Ints) -> Iterator[Figure]:
    """The values of the parts with the fewest, in bars; the time since the event before has a figure of its own."""
    grammar = tokenizer.grammar
    counts = [(len(np.unique(real[:, :, part])), part) for part in range(grammar.event_parts)]
    names = grammar.part_names[grammar.header_parts :]
    parts = [part for count, part in sorted(counts) if count > 1 and names[part] != f"{tokenizer.schema.time}.delta"]
    for part in parts[:MARGINALS]:
        own, theirs = _shares(real[:, :, part]), _shares(made[:, :, part])
        best = sorted(own, key=lambda token: -own[token])[:VALUES]
        if len(own) <= VALUES or tokenizer.vocabulary.token(best[0]).field == tokenizer.schema.time:
            best.sort()  # all of them, or hours: in the order of the vocabulary
        values = {"real": [own[token] for token in best], "generated": [theirs.get(token, 0.0) for token in best]}
        caption = "" if len(own) <= VALUES else f"The {len(best)} most frequent of {len(own):,} values."
        shown = [_value_name(tokenizer, token) for token in best]
        yield bar_chart(f"Values of {names[part]}", shown, values, "share of events", caption)


def _value_name(tokenizer: DomainTokenizer, token: int) -> str:
    """The name of a token without that of its field and of its part."""
    grammar, known = tokenizer.grammar, tokenizer.vocabulary.token(token)
    name, field = known.name[1:-1], str(known.field)
    part = grammar.part_names[int(grammar.place[token])].removeprefix(field).removeprefix(".")
    return name.removeprefix(field).strip().removeprefix(part).strip().removeprefix("=") or name


def _main_part(tokenizer: DomainTokenizer, real: Ints) -> int | None:
    grammar = tokenizer.grammar
    plain = {spec.name for spec in tokenizer.schema.fields if isinstance(spec, Categorical)}
    choices = [
        (len(np.unique(real[:, :, part])), part)
        for part in range(grammar.event_parts)
        if grammar.part_fields[grammar.header_parts + part] in plain
    ]
    choices = [(count, part) for count, part in choices if count > 1]
    return min(choices)[1] if choices else None


def _transitions(tokenizer: DomainTokenizer, real: Ints, made: Ints) -> list[Figure]:
    part = _main_part(tokenizer, real)
    if part is None:
        return []
    states = [token for token, _ in Counter(real[:, :, part].ravel().tolist()).most_common(STATES) if token != NONE]
    names = [_value_name(tokenizer, token) for token in states]
    matrices = {name: _transition(cells[:, :, part], states) for name, cells in (("real", real), ("generated", made))}
    name = tokenizer.grammar.part_names[tokenizer.grammar.header_parts + part]
    caption = (
        "Each row says what comes after a value of its event: rows add up to 100%, but for values not shown. A dash: "
        "nothing comes after the value."
    )
    return [heat_map(f"What follows what: {name}", names, names, matrices, caption)]


def _transition(cells: Ints, states: list[int]) -> list[list[float]]:
    # pairs of neighbours within a history
    before, after = cells[:, :-1].ravel(), cells[:, 1:].ravel()
    rows = []
    for state in states:
        follow = after[before == state]
        rows.append([float((follow == other).mean()) if len(follow) else float("nan") for other in states])
    return rows


def _gaps(tokenizer: DomainTokenizer, real: Ints, made: Ints) -> Figure | None:
    """The time between events, as their delta tokens say it; None without such tokens."""
    grammar, time = tokenizer.grammar, tokenizer.schema.time
    name = f"{time}.delta"
    names = grammar.part_names[grammar.header_parts :]
    if name not in names:
        return None
    part = names.index(name)  # counted from the first part of an event
    none = tokenizer.layout.no_delta
    # the first event of a history has no event before it
    own, theirs = (_shares(cells[:, 1:, part]) for cells in (real, made))
    tokens = [token for token in sorted({*own, *theirs}) if token != none]
    shown = [_value_name(tokenizer, token) for token in tokens]
    each = {"real": own, "generated": theirs}
    values = {name: [shares.get(token, 0.0) for token in tokens] for name, shares in each.items()}
    return bar_chart("Time since the previous event", shown, values, "share of events")


def _copying(distances: dict[str, NDArray[np.float64]], has_new_entities: bool) -> Figure:
    edges = np.linspace(0, 1, 26).tolist()
    counts = {name: np.histogram(values, edges)[0].tolist() for name, values in distances.items()}
    caption = (
        "The distance of each history from the training history that is most like it: the share of its tokens that "
        "differ."
    )
    if has_new_entities:
        caption += " A model that copies has its generated histories further to the left than the held-out ones."
    return histogram("Distance to the nearest training history", edges, counts, "share of tokens that differ", caption,
                     y_label="share of histories")  # fmt: skip
