"""Colourings of the points of a map: by labels, static fields, shares of events, lengths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.report.folder.chosen_rows import ChosenRows
from domaintoolkit.schema import Categorical
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["Colouring", "colourings"]

GROUPS = 7
"""Groups that have a colour of their own; the eighth holds the rest."""
FIELDS = 3
"""Fields whose shares of events are shown, those with the fewest values first."""
VALUES = 4
CHOICES = 24
"""Values of a field beyond which its shares say little."""


@dataclass(frozen=True, slots=True)
class Colouring:
    """A number or a group for each entity."""

    name: str
    values: NDArray[np.float64]
    """(n,) numbers (NaN: none), or of groups the places of their names."""
    names: list[str] = field(default_factory=list)
    """The names of the groups; none if these are numbers."""
    log: bool = False
    whole: bool = False

    @property
    def question(self) -> str:
        """The question for a probe: is it in the largest group that is not all, or above the median?"""
        if not self.names:
            return f"{self.name} above {self.threshold:.3g}"
        return f"{self.name}: {self.names[self._asked]}"

    @property
    def threshold(self) -> float:
        """The median; or zero, if most have the least value."""
        known = self.values[~np.isnan(self.values)]
        return float(np.median(known)) if len(known) else 0.0

    @property
    def _asked(self) -> int:
        """The group that is nearest to a half of all."""
        sizes = np.bincount(self.values.astype(np.int64), minlength=len(self.names))
        return int(np.abs(sizes / max(1, len(self.values)) - 0.5).argmin())

    @property
    def flags(self) -> NDArray[np.bool_]:
        """(n,) the answer to the question."""
        if self.names:
            return np.asarray(self.values == self._asked)
        return np.asarray(self.values > self.threshold)


def colourings(tokenizer: DomainTokenizer, rows: ChosenRows, shown: int) -> list[Colouring]:
    """All that can be told of each history: the most telling first. The first `shown` histories are on the map."""
    found = [
        *_label_colourings(rows, shown),
        *_share_colourings(tokenizer, rows),
        *_static_colourings(tokenizer, rows, shown),
    ]
    lengths = np.array([float(len(starts)) for starts in rows.starts])
    found.append(Colouring("events of the history", lengths, log=True, whole=True))
    if rows.times is not None:
        days = np.array([(each[-1] - each[0]) / 86_400e6 if len(each) else 0.0 for each in rows.times])
        found.append(Colouring("days from first to last event", days, log=True))
        # robots are fast
        found.append(Colouring("events a day", lengths / np.maximum(days, 1.0), log=True))
    return [each for each in found if len(np.unique(each.values[~np.isnan(each.values)])) > 1]


def _label_colourings(rows: ChosenRows, shown: int) -> Iterator[Colouring]:
    for name, labels in rows.labels.items():
        flat = [value for values in labels for value in values if value is not None]
        if flat and all(isinstance(value, bool | int | float) and 0 <= value <= 1 for value in flat):
            means = [_mean([float(value) for value in values if value is not None]) for values in labels]
            yield Colouring(f"label {name}", np.array(means))
        elif flat and all(isinstance(value, int | float) for value in flat):
            means = [_mean([float(value) for value in values if value is not None]) for values in labels]
            yield Colouring(f"label {name}, mean", np.array(means))
        else:
            yield _group(f"label {name}", [str(_most_common(values)) for values in labels], shown)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _most_common(values: list[Any]) -> Any:
    return (
        Counter(value for value in values if value is not None).most_common(1)[0][0]
        if any(value is not None for value in values)
        else "none"
    )


def _group(name: str, values: list[str], shown: int) -> Colouring:
    """Groups of the values that are the commonest on the map."""
    common = [value for value, _ in Counter(values[:shown]).most_common(GROUPS)]
    names = common + (["others"] if len(set(values)) > len(common) else [])
    place = {value: number for number, value in enumerate(common)}
    return Colouring(name, np.array([float(place.get(value, len(common))) for value in values]), names)


def _share_colourings(tokenizer: DomainTokenizer, rows: ChosenRows) -> Iterator[Colouring]:
    """The share of each history's events that have a value: of the fields with few values, the rare values first."""
    flat, offsets = rows.flat
    grammar, names = tokenizer.grammar, tokenizer.vocabulary.names
    # (tokens,): the history of each token of `flat`
    owner = np.repeat(np.arange(len(rows)), np.diff(offsets))
    events = np.maximum(1, np.array([len(starts) for starts in rows.starts]))
    plain = {spec.name for spec in tokenizer.schema.fields if isinstance(spec, Categorical)}
    candidates = []
    for part in range(grammar.header_parts, grammar.header_parts + grammar.event_parts):
        if grammar.part_fields[part] not in plain:
            continue
        # (tokens,): only the first token of a value stands for it
        there = grammar.start[flat] & (grammar.place[flat] == part)
        used, counts = np.unique(flat[there], return_counts=True)
        if 1 < len(used) <= CHOICES:
            candidates.append((len(used), part, used, counts))
    for _, _, used, counts in sorted(candidates, key=lambda entry: entry[:2])[:FIELDS]:
        # the most frequent value is told by the others; of these, the frequent ones
        for token in used[np.argsort(-counts, kind="stable")][1 : VALUES + 1].tolist():
            share = np.bincount(owner[flat == token], minlength=len(rows)) / events  # (histories,)
            yield Colouring(f"share of events with {names[token]}", share)


def _static_colourings(tokenizer: DomainTokenizer, rows: ChosenRows, shown: int) -> Iterator[Colouring]:
    grammar, names = tokenizer.grammar, tokenizer.vocabulary.names
    for part in range(grammar.header_parts):
        field_name = grammar.part_fields[part]
        if field_name is None:
            continue
        found = []
        for ids, starts in zip(rows.ids, rows.starts, strict=True):
            head = ids[: int(starts[0]) if len(starts) else len(ids)]
            own = head[grammar.start[head] & (grammar.place[head] == part)]
            found.append(names[int(own[0])] if len(own) else "none")
        yield _group(str(field_name), found, shown)
