"""`drift`: the distance of new rows from those that a folder was encoded from, field by field."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.jobs.decoding import folder_tokenizer
from domaintoolkit.jobs.partition.budget import BUCKETS, Budget
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.partition.origin import drop_origins
from domaintoolkit.jobs.partition.row_buckets import RowBuckets
from domaintoolkit.jobs.partition.row_refusals import RefusalList
from domaintoolkit.jobs.partition.row_source import AnyTable, RowSource, open_rows
from domaintoolkit.jobs.partition.spill import Spill, partition
from domaintoolkit.jobs.progress import Progress, silent
from domaintoolkit.storage.encoded_folder import EncodedFolder, open_encoded
from domaintoolkit.streams.streams import Counts
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["Drift", "FieldDrift", "drift", "stability_index"]

Verdict = Literal["stable", "shifted", "drifted"]
VERDICTS: tuple[Verdict, ...] = ("stable", "shifted", "drifted")

INDEX_LIMITS = (0.1, 0.25)
"""The usual limits of the population stability index (Siddiqi, Credit Risk Scorecards, 2006)."""
SHARE_LIMITS = (0.05, 0.15)
"""The rise in the share of unseen, clipped or missing values that is still harmless, or no more than a shift."""
GROUPS = 20
"""Tokens are compared in groups of at least a twentieth of the fitted ones each: single tokens are too rare."""


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """One field: shares of its new values, the same shares of the fitted ones, and the distance of the two."""

    field: str
    unseen: float
    clipped: float
    missing: float
    fitted_unseen: float
    fitted_clipped: float
    fitted_missing: float
    index: float
    """The population stability index, the largest of the field's parts."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Drift:
    """All fields, and the worst verdict among them."""

    fields: tuple[FieldDrift, ...]
    events: int
    """New events that were compared."""
    refused: int
    """New rows that could not be encoded."""
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return asdict(self)


def drift(
    out: str | Path,
    source: RowSource | AnyTable,
    *,
    memory: str | int = "2GB",
    threads: int | None = None,
    temporary: str | Path | None = None,
    progress: Progress | None = None,
) -> Drift:
    """Compare the rows of `source` with those in the encoded folder `out`; rows that cannot be encoded are counted."""
    encoded = open_encoded(out)
    tokenizer = folder_tokenizer(encoded)
    budget = Budget.of(memory, threads)
    fitted = _count_folder_tokens(encoded, len(tokenizer.vocabulary))
    refused = RefusalList(0)
    with tempfile.TemporaryDirectory(prefix="domaintoolkit-", dir=temporary) as folder:
        spill = Spill(Path(folder), EntityKeys.of(tokenizer), BUCKETS, budget)
        rows = partition(open_rows(source), tokenizer.schema, spill, progress or silent, refused=refused)
        found, counts = _count_new_tokens(tokenizer, rows.buckets, budget)
    events = counts.rows_in - counts.rows_refused - counts.rows_left_out
    if not events:
        raise DataError([Refusal(None, None, "there are no rows to compare")])
    before = Counts(**encoded.manifest.counts)
    known = encoded.manifest.totals["events"]
    index = _stability_indices(tokenizer, fitted, found)
    fields = tuple(
        _judge_field(name, (_shares(counts, name, events), _shares(before, name, known)), index.get(name, 0.0))
        for name in dict.fromkeys(spec.name for spec in (*tokenizer.schema.static, *tokenizer.schema.fields))
    )
    worst = max((VERDICTS.index(field.verdict) for field in fields), default=0)
    return Drift(fields, events, counts.rows_refused + refused.rows, VERDICTS[worst])


def stability_index(fitted: NDArray[np.integer[Any]], found: NDArray[np.integer[Any]]) -> float:
    """The population stability index of two histograms over the same tokens: sum of (q - p) ln(q / p).

    Neighbouring tokens form groups of at least a twentieth of the fitted ones each. Half a value is added to
    every group, so that an empty one does not make the index infinite.
    """
    if not fitted.sum() or not found.sum():
        return 0.0
    # (tokens,): the group of each token, by the share of fitted tokens before it; then (groups,)
    share = np.cumsum(fitted) / fitted.sum()
    groups = np.minimum(np.floor(np.concatenate([[0], share[:-1]]) * GROUPS), GROUPS - 1).astype(np.int64)
    groups = np.unique(groups, return_inverse=True)[1]
    p, q = (np.bincount(groups, weights=counts) + 0.5 for counts in (fitted, found))
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def _count_folder_tokens(encoded: EncodedFolder, size: int) -> NDArray[np.int64]:
    counts = np.zeros(size, np.int64)
    for rows in encoded.streams():
        counts += np.bincount(rows.ids, minlength=size)
    return counts


def _count_new_tokens(
    tokenizer: DomainTokenizer, buckets: RowBuckets, budget: Budget
) -> tuple[NDArray[np.int64], Counts]:
    found = np.zeros(len(tokenizer.vocabulary), np.int64)
    counts = Counts()
    for low, high in buckets.ranges(0, buckets.count, budget.unit_rows):
        table = buckets.read(low, high)
        if table is not None:
            streams = tokenizer.encode(drop_origins(table), on_bad_rows="quarantine")
            found += np.bincount(streams.ids, minlength=len(found))
            counts += streams.counts
    return found, counts


def _stability_indices(
    tokenizer: DomainTokenizer, fitted: NDArray[np.int64], found: NDArray[np.int64]
) -> Mapping[str, float]:
    """The largest index of each field's parts.

    The delta token of a history's first event says that no event comes before it. It measures the length of
    histories and not the field, so it is left out.
    """
    grammar = tokenizer.grammar
    first = [token.identity == ("field", tokenizer.schema.time, "delta:none") for token in tokenizer.vocabulary]
    compared = ~np.array(first)
    indices: dict[str, float] = {}
    for part, field in enumerate(grammar.part_fields):
        if field is None:
            continue
        mine = (grammar.place == part) & compared
        indices[field] = max(indices.get(field, 0.0), stability_index(fitted[mine], found[mine]))
    return indices


def _shares(counts: Counts, name: str, events: int) -> tuple[float, float, float]:
    """Shares of unseen, clipped and missing values."""
    field = counts.fields.get(name, {})
    numbers = (field.get("spelled", 0) + field.get("hashed", 0), field.get("clipped", 0), field.get("missing", 0))
    unseen, clipped, missing = (number / max(events, 1) for number in numbers)
    return unseen, clipped, missing


def _judge_field(
    name: str, shares: tuple[tuple[float, float, float], tuple[float, float, float]], index: float
) -> FieldDrift:
    new, fitted = shares
    risen = max(share - before for share, before in zip(new, fitted, strict=True))
    worst = max(_level(index, INDEX_LIMITS), _level(risen, SHARE_LIMITS))
    return FieldDrift(name, *new, *fitted, index, VERDICTS[worst])


def _level(value: float, limits: tuple[float, float]) -> int:
    return sum(value >= limit for limit in limits)
