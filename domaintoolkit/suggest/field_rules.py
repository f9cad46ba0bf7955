"""The rules: each looks at one field, and gives a suggestion or None. Every threshold has its reason beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from domaintoolkit.encoders import NumericEncoder, TimestampEncoder
from domaintoolkit.metrics import entropy
from domaintoolkit.schema import Categorical, Numeric, Schema, Text
from domaintoolkit.suggest.field_statistics import FieldStatistics
from domaintoolkit.suggest.suggestion import Suggestion

__all__ = ["ENOUGH", "RULES", "Subject"]

ENOUGH = 1_000
"""Events below which nothing is said: with fewer, a share of 2% is a matter of a few rows."""
LEARNED = 20
"""Occurrences that a token needs at least: with fewer, its embedding stays close to its random start."""
WEAK_BUCKETS = 0.25
"""Share of a number's buckets that may be rarer than that. The tails of a skewed number have some such buckets."""
IDENTIFYING = 0.9
"""Share of different values from which a category is an identifier: it says who or which, and nothing that repeats."""
SPELLED_VALUES, SPELLED_TOKENS = 0.02, 0.05
"""Shares of a field's values and of all tokens from which spelling matters: new values of later data are below both."""
ONCE_TOKENS, ONCE_SHARE = 100, 0.25
"""Tokens that occur at most once, and their share of the vocabulary: each costs a row of the model's embeddings."""
REPEATED_TEXTS, REPEATS = 1_000, 20
"""Different texts at most, and values for each at least, from which a text is a category with its own tokens."""
ONE_BUCKET = 0.95
"""Share of one bucket from which the time since the previous event says nothing that the others do not."""
LOW_BITS, LONG_TEXT, TEXT_SHARE = 0.5, 4, 0.1
"""Bits a token, tokens a value and share of all tokens from which a text repeats itself: a token of text has 2 to 8."""
ENTITIES = 20
"""Pairs of neighbouring events for a field to belong to the entity if none of them differs."""


@dataclass(frozen=True)
class Subject:
    """A field, and what its folder is like."""

    schema: Schema
    field: FieldStatistics
    tokens: int
    """Tokens of the events that were read."""
    vocabulary_size: int

    @property
    def share(self) -> float:
        """The field's share of the tokens."""
        return self.field.tokens / max(self.tokens, 1)

    @property
    def per_value(self) -> float:
        """Tokens of a value."""
        return self.field.tokens / max(self.field.count, 1)

    def suggest(self, rule: str, finding: str, advice: str, saved: float = 0.0, **changes: Any) -> Suggestion:
        """A suggestion that changes settings of the field."""
        spec = self.field.spec
        changed = replace(_find_declared(self.schema, spec), **changes)
        place = "static" if self.field.is_static else "fields"
        return Suggestion(rule, spec, changed, place, finding, advice, saved)  # type: ignore[arg-type] # one of the two

    def leave_out(self, rule: str, finding: str, advice: str) -> Suggestion | None:
        """A suggestion to leave the field out, unless it gives the order of events or is the only one."""
        name = self.field.spec.name
        is_needed = name in self.schema.tie_order or name == self.schema.time or len(self.schema.fields) == 1
        if is_needed:
            return None
        place = "static" if self.field.is_static else "fields"
        return Suggestion(rule, self.field.spec, None, place, finding, advice, self.share)  # type: ignore[arg-type]


def _find_declared(schema: Schema, spec: Any) -> Any:
    """The field as the schema declares it, without the defaults that depend on the schema."""
    return next(each for each in (*schema.static, *schema.fields) if each.name == spec.name)


def find_constant(subject: Subject) -> Suggestion | None:
    """A field with one value."""
    field = subject.field
    if field.distinct != 1 or field.spec.name == subject.schema.time:
        return None
    (key,) = field.values
    what = "is null in every event" if field.kinds(key) == {"null"} else "has the same tokens in every event"
    finding = f"it {what} and takes {subject.share:.1%} of the tokens"
    return subject.leave_out("constant", finding, "leave it out: it says nothing")


def find_identifier(subject: Subject) -> Suggestion | None:
    """A category of which nearly every value is another."""
    field = subject.field
    if not isinstance(field.spec, Categorical) or field.spec.unseen == "hash" or field.is_static:
        return None
    present = field.count - sum(field.with_kinds("null").values())
    different = field.distinct - len(field.with_kinds("null"))
    if present < ENOUGH / 2 or different < IDENTIFYING * present:
        return None
    finding = f"{different:,} of its {present:,} values are different, and it takes {subject.share:.1%} of the tokens"
    return subject.leave_out("identifier", finding, "leave it out, or group its values: no value repeats")


def find_entity_field(subject: Subject) -> Suggestion | None:
    """A field that never changes within an entity."""
    field, schema = subject.field, subject.schema
    spec = field.spec
    if field.is_static or field.changes or field.pairs < ENTITIES or spec.name in (schema.time, *schema.tie_order):
        return None
    if field.pairs < field.count / 10 or len(schema.fields) == 1:  # hardly any entity has a second event
        return None
    if isinstance(spec, Numeric) and spec.by is not None:
        return None
    saved = subject.share * field.pairs / field.count
    finding = f"it has one value for each entity, and repeats it in every event: {subject.share:.1%} of the tokens"
    advice = "make it static, so that it is written once"
    return Suggestion("static", spec, _find_declared(schema, spec), "static", finding, advice, saved)


def find_category_in_text(subject: Subject) -> Suggestion | None:
    """A text of which there are few different ones."""
    field = subject.field
    present = field.count - sum(field.with_kinds("null").values())
    different = field.distinct - len(field.with_kinds("null"))
    if not isinstance(field.spec, Text) or not 0 < different <= REPEATED_TEXTS or present < REPEATS * different:
        return None
    # one token a value is left
    saved = subject.share * (1 - 1 / subject.per_value)
    finding = f"it has {different:,} different texts in {present:,} values, of {subject.per_value:.1f} tokens each"
    place = "static" if field.is_static else "fields"
    changed = Categorical(field.spec.name)
    return Suggestion("category", field.spec, changed, place, finding, "make it a category: one token a value", saved)  # type: ignore[arg-type]


def find_repetitive_text(subject: Subject) -> Suggestion | None:
    """A long text that says little for its length."""
    field = subject.field
    if not isinstance(field.spec, Text) or subject.per_value < LONG_TEXT or subject.share < TEXT_SHARE:
        return None
    bits = field.bits / subject.per_value
    if bits > LOW_BITS or field.distinct > field.count / 2:  # of texts that occur once, the bits cannot be counted
        return None
    finding = (
        f"its texts take {subject.share:.1%} of the tokens, {subject.per_value:.1f} each, for {bits:.2f} bits a token"
    )
    size = max(2 * field.spec.vocabulary_size, 1_000)
    advice = "let it learn more pieces: long parts that repeat become one token"
    return subject.suggest("repetitive text", finding, advice, subject.share / 2, vocabulary_size=size)


def find_spelled(subject: Subject) -> Suggestion | None:
    """A category whose values are often spelled byte by byte."""
    field, spec = subject.field, subject.field.spec
    if not isinstance(spec, Categorical) or spec.unseen != "spell":
        return None
    kinds = [f"spell{level}" if level else "spell" for level in range(8)]
    spelled = field.with_kinds(*kinds)
    values = sum(spelled.values())
    tokens = sum(count * len(field.slots_of(key)) for key, count in spelled.items())
    if values < SPELLED_VALUES * field.count or tokens < SPELLED_TOKENS * subject.tokens:
        return None
    finding = (
        f"{values / field.count:.1%} of its values are spelled, which takes {tokens / subject.tokens:.1%} of the tokens"
    )
    # each spelled value would be one token
    saved = (tokens - values) / subject.tokens
    frequent = [count for count in spelled.values() if count >= 5]
    own = sum(slot.kind.startswith("value") for slot in field.encoder.slots)
    if sum(frequent) >= values / 2 and spec.values is None:
        covered = saved * sum(frequent) / values
        if own >= spec.max_size:
            advice = f"give {len(frequent):,} more values a token"
            return subject.suggest("spelled", finding, advice, covered, max_size=_round_up(own + len(frequent)))
        if spec.min_count > 5:
            return subject.suggest("spelled", finding, "give values that occur 5 times a token", covered, min_count=5)
    if spec.separator is not None or spec.name in subject.schema.order_by:
        return None
    advice = "hash the values without a token: each becomes one token, and no value repeats often enough for its own"
    return subject.suggest("spelled", finding, advice, saved, unseen="hash")


def find_one_offs(subject: Subject) -> Suggestion | None:
    """A category that spends the vocabulary on values that occur once."""
    field, spec = subject.field, subject.field.spec
    if not isinstance(spec, Categorical) or spec.values is not None or spec.min_count > 1:
        return None
    is_value = np.array([slot.kind.startswith("value") for slot in field.encoder.slots], bool)
    once = int((is_value & (field.token_counts <= 1)).sum())
    if once < ONCE_TOKENS or once < ONCE_SHARE * subject.vocabulary_size:
        return None
    finding = f"{once:,} of the vocabulary's {subject.vocabulary_size:,} tokens are values that occur at most once"
    rare = int((is_value & (field.token_counts < LEARNED)).sum())
    advice = f"spell values that occur once; {rare:,} tokens occur less than {LEARNED} times, too seldom to be learned"
    return subject.suggest("one-offs", finding, advice, min_count=2)


def find_empty_buckets(subject: Subject) -> Suggestion | None:
    """A number with many buckets that hardly any value falls into."""
    field, spec = subject.field, subject.field.spec
    if not isinstance(field.encoder, NumericEncoder) or spec.by is not None:
        return None
    buckets = np.array([slot.kind == "bucket" for slot in field.encoder.slots], bool)
    counts = field.token_counts[buckets]
    weak = int((counts < LEARNED).sum())
    if len(counts) < 4 or weak < WEAK_BUCKETS * len(counts):
        return None
    finding = f"{weak:,} of its {len(counts):,} buckets hold less than {LEARNED} of {int(counts.sum()):,} values"
    # on average five times as many values in a bucket as a token needs
    bins = max(2, min(spec.bins, int(counts.sum()) // (5 * LEARNED)))
    if spec.strategy == "explicit":
        edges = _merge_edges(list(spec.edges or ()), counts.tolist())
        if edges is None:
            return None
        return subject.suggest("empty buckets", finding, "merge them with their neighbours", edges=edges)
    changes: dict[str, Any] = {"bins": bins} if bins < spec.bins else {}
    if spec.strategy != "quantile":
        advice = "let buckets hold equally many values, as strategy quantile does, the default"
        return subject.suggest("empty buckets", finding, advice, strategy="quantile", **changes)
    return subject.suggest("empty buckets", finding, "take fewer buckets", **changes) if changes else None


def find_idle_time_parts(subject: Subject) -> Suggestion | None:
    """A time with parts that are always the same, or whose deltas lie in one bucket."""
    field, spec = subject.field, subject.field.spec
    if not isinstance(field.encoder, TimestampEncoder):
        return None
    names = list(field.encoder.parts)
    counted = dict(zip(names, field.parts, strict=True))
    idle = [name for name in spec.parts if entropy(np.array(list(counted[name].values()), np.int64)) == 0]
    found = []
    changes: dict[str, Any] = {}
    if idle:
        what = f"its parts {', '.join(idle)} are" if idle[1:] else f"its part {idle[0]} is"
        found.append(f"{what} the same in every event")
        changes["parts"] = tuple(name for name in spec.parts if name not in idle)
    if "delta" in names:
        deltas = {
            field.encoder.slots[slot].key: count
            for key, count in counted["delta"].items()
            for slot in field.slots_of(key)[:1].tolist()
            if slot != field.encoder.no_delta
        }
        total, best = sum(deltas.values()), max(deltas, key=lambda key: deltas[key], default="")
        if total >= ENOUGH / 2 and deltas[best] >= ONE_BUCKET * total:
            found.append(f"{deltas[best] / total:.0%} of the times since the previous event lie in the bucket {best}")
            changes["delta"] = False
    keeps_delta = "delta" in names and "delta" not in changes
    if not changes or not (changes.get("parts", spec.parts) or keeps_delta):
        return None  # a time has at least one part
    saved = (len(idle) + ("delta" in changes)) * field.count / max(subject.tokens, 1)
    advice = "leave out what says nothing; if the times should differ, look at time_unit, time_format and zone"
    return subject.suggest("idle time", " and ".join(found), advice, saved, **changes)


def _round_up(number: int) -> int:
    """A round number that is not smaller."""
    step: int = 10 ** max(len(str(number)) - 2, 0)
    return -(-number // step) * step


def _merge_edges(edges: list[float], counts: list[int]) -> tuple[float, ...] | None:
    """Edges without those below which a bucket holds too few values; None if hardly any are left."""
    if len(counts) != len(edges) + 1 and len(counts) != len(edges) - 1:
        return None
    # the outer buckets may be open: below the first edge, and above the last
    inner = counts[1:-1] if len(counts) == len(edges) + 1 else counts
    kept, held = [edges[0]], 0
    for edge, count in zip(edges[1:], inner, strict=True):
        held += count
        if held >= LEARNED:
            kept.append(edge)
            held = 0
    if held and len(kept) > 1:
        kept[-1] = edges[-1]
    return tuple(kept) if len(kept) >= 2 and len(kept) < len(edges) else None


RULES: tuple[Callable[[Subject], Suggestion | None], ...] = (
    find_constant,
    find_identifier,
    find_entity_field,
    find_category_in_text,
    find_repetitive_text,
    find_spelled,
    find_one_offs,
    find_empty_buckets,
    find_idle_time_parts,
)
"""In the order in which they are asked; of each field, the first that finds something counts."""
