"""`evaluate_labels`: embeddings, aggregates and both under the same probes, on the same rows, with a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.aggregates import AggregateSettings, aggregate
from domaintoolkit.embeddings import EmbeddingSettings, embed_labels
from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.labels import LabelTable, LabelTask, Placement, place_labels
from domaintoolkit.metrics import count_groups, estimate_interval, resample, weighted_median
from domaintoolkit.probes.ablations import embed_ablated
from domaintoolkit.probes.label_metrics import LOWER_IS_BETTER, METRICS, PRIMARY, measure
from domaintoolkit.probes.label_report import Estimate, Gain, LabelEvaluation, ProbeResult, write_sentence
from domaintoolkit.probes.probe_fitting import FittedProbe, ProbeRows, ProbeSettings, check_extra, fit_probe
from domaintoolkit.probes.untrained import untrained_twin
from domaintoolkit.storage import EncodedFolder
from domaintoolkit.streams.keys import SPLITS, hash_keys

__all__ = ["evaluate_labels", "evaluate_sources"]

Table = NDArray[np.float32]
Report = Callable[[str, int, int | None], None]
BLOCK = 64
"""Resamples that are measured together: their weights are a table of so many rows."""
FEW = 12
"""Different whole numbers that may be classes."""


def evaluate_labels(
    model: Any,
    folder: EncodedFolder,
    labels: LabelTable,
    task: str | None = None,
    settings: ProbeSettings | None = None,
    *,
    embedding: EmbeddingSettings | None = None,
    aggregates: AggregateSettings | None = None,
    ablations: bool = False,
    progress: Report | None = None,
) -> LabelEvaluation:
    """Measure what the embeddings of a model are worth for a task, beside aggregates, both together, an untrained
    model of the same shape and a constant; `ablations` adds embeddings of shuffled events, and of events without
    times. Without a model, the aggregates and the constant alone.

    Raises `DataError` if there are no training or test rows with a label, and `MissingExtraError` without the extra
    `evaluate`.
    """
    check_extra()
    placed = place_labels(folder, labels)
    wanted = labels.task(task)
    # features are made for the rows of this task only
    own, at = labels.select(wanted.rows), Placement(
        placed.histories[wanted.rows], placed.events[wanted.rows], placed.splits[wanted.rows],
        np.lexsort((placed.events[wanted.rows], placed.histories[wanted.rows])),
    )  # fmt: skip
    made = {"aggregates": aggregate(folder, own, aggregates, placement=at, progress=progress).values}
    if model is not None:
        if progress is not None:
            progress("embedding", 0, len(own))
        made["embeddings"] = embed_labels(model, folder, own, None, embedding, placement=at)
        made["both"] = np.concatenate([made["aggregates"], made["embeddings"]], 1)
        twin = untrained_twin(model)
        made["untrained"] = embed_labels(twin, folder, own, None, embedding, placement=at)
        if ablations:
            for what in ("shuffled", "timeless"):
                name = "events shuffled" if what == "shuffled" else "times removed"
                made[name] = embed_ablated(model, folder, own, at, what, embedding)
    there = replace(wanted, rows=np.arange(len(own)))
    return evaluate_sources(made, own, there, at, settings, progress)


def evaluate_sources(
    sources: Mapping[str, Table],
    labels: LabelTable,
    task: LabelTask,
    placement: Placement,
    settings: ProbeSettings | None = None,
    progress: Report | None = None,
) -> LabelEvaluation:
    """Fit the probes on each source of features (label rows, features) and compare them on the test rows.

    A source `constant`, the mean or the shares of the training rows, is added. Training rows without a validation
    split give a fifth of their entities to it.
    """
    check_extra()
    chosen = settings or ProbeSettings()
    data = _split_rows(labels, task, placement, chosen)
    resamples = _resample(data.entities[data.test], task_weights(labels, task)[data.test], chosen)
    groups = _count_test_groups(data, task)
    measured: dict[tuple[str, str], NDArray[np.float64]] = {}
    results = [_constant(data, task, task_weights(labels, task)[data.train], resamples, groups, chosen, measured)]
    if progress is not None:
        progress("probing", 0, len(sources))
    for number, (source, features) in enumerate(sources.items()):
        for probe in chosen.probes:
            began = time.perf_counter()
            splits = {
                name: ProbeRows(features[task.rows[rows]], task.values[rows], task_weights(labels, task)[rows])
                for name, rows in (("train", data.train), ("validation", data.validation), ("test", data.test))
            }
            fitted = fit_probe(probe, task.kind, max(len(task.classes), 1), splits, chosen)
            each = [_measure(task, data.test, one, resamples, chosen) for one in fitted.predictions]
            results.append(_result(source, probe, features.shape[1], fitted, each, groups, began))
            # (1 + B,) the mean over seeds
            measured[source, probe] = np.mean([found[PRIMARY[task.kind]] for found in each], 0)
        if progress is not None:
            progress("probing", number + 1, len(sources))
    best = _best_probes(results, task)
    gains = tuple(
        _gain(left, right, best, measured, groups)
        for left, right in (("embeddings", "aggregates"), ("both", "aggregates"), ("embeddings", "untrained"))
        if left in best and right in best
    )
    if not gains and "aggregates" in best:
        gains = (_gain("aggregates", "constant", best, measured, groups),)
    counts = {**placement.counts, **{name: len(rows) for name, rows in data.named}}
    ranked = _rank_sources(best, task)
    second = [result.source for result in ranked[1:] if result.source != "constant"][:1]
    leads = tuple(
        _gain(ranked[0].source, other, best, measured, groups)
        for other in ("constant", *second)
        if other != ranked[0].source
    )
    metric = PRIMARY[task.kind]
    sentence = write_sentence(metric, ranked, gains, leads, _why_undefined(data, task, metric))
    notes = (*_find_doubts(labels, task, counts), *_find_lacks(data, task), *data.notes)
    entities = len(np.unique(data.entities[data.test]))
    return LabelEvaluation(task.name, task.kind, task.classes, counts, entities, tuple(results), gains, sentence, notes)


@dataclass(frozen=True, slots=True)
class _SplitRows:
    """The rows of each split, as numbers of the task's rows, and the entity of each row."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    entities: NDArray[np.int64]
    notes: tuple[str, ...]

    @property
    def named(self) -> list[tuple[str, NDArray[np.int64]]]:
        return list(zip(SPLITS, (self.train, self.validation, self.test), strict=True))


def task_weights(labels: LabelTable, task: LabelTask) -> NDArray[np.float64]:
    """(n,) the weight of each row of the task."""
    return labels.weights[task.rows]


def _split_rows(labels: LabelTable, task: LabelTask, placement: Placement, settings: ProbeSettings) -> _SplitRows:
    splits = placement.splits[task.rows]
    _, entities = np.unique(hash_keys(labels.keys.take(task.rows)), return_inverse=True)  # (n,)
    # in the order of the folder: the figures do not depend on the order of the label table
    order = np.lexsort((placement.events[task.rows], placement.histories[task.rows]))
    train, validation, test = (order[splits[order] == code] for code in range(3))
    notes = []
    if not len(task.rows):
        raise DataError([Refusal(None, None, f"no row has a value of target {task.name!r}")])
    # a row without weight is no evidence, and may be the only one of its class
    weighs = task_weights(labels, task) > 0
    if not weighs.all():
        train, validation, test = (rows[weighs[rows]] for rows in (train, validation, test))
        notes.append(f"{int((~weighs).sum()):,} rows of weight 0 are left out")
    random = np.random.default_rng(settings.seed)
    if not len(validation) and len(train):
        # whole entities: the rows of one are too much alike to validate each other
        own = np.unique(entities[train])
        held = random.permutation(own)[: max(1, len(own) // 5)]
        is_held = np.isin(entities[train], held)
        train, validation = train[~is_held], train[is_held]
        notes.append("no row is for validation: a fifth of the training entities is")
    if len(train) > settings.rows:
        notes.append(f"the probes are fitted on {settings.rows:,} of {len(train):,} training rows, drawn at random")
        train = np.sort(random.permutation(train)[: settings.rows])
    for name, rows in zip(SPLITS, (train, validation, test), strict=True):
        if not len(rows):
            what = "label" if weighs.all() else "label and a weight"
            reason = f"no row with a {what} is for {name}; name the split of each row in a column `split`, or by dates"
            raise DataError([Refusal(None, None, reason)])
    if task.kind != "regression" and len(found := np.unique(task.values[train])) < 2:
        reason = f"all training rows of target {task.name!r} are of one class ({task.classes[int(found[0])]!r})"
        raise DataError([Refusal(None, None, reason)])
    if len(train) < 2:
        raise DataError([Refusal(None, None, "one training row is too few to fit a probe; give more labels")])
    return _SplitRows(train, validation, test, entities, tuple(notes))


def _resample(
    entities: NDArray[np.int64], weights: NDArray[np.float64], settings: ProbeSettings
) -> NDArray[np.float64]:
    """(1 + B, n) the weights of the test rows: as they are, then in resamples of whole entities."""
    names, of = np.unique(entities, return_inverse=True)
    if len(names) < 2:
        return weights[None, :]
    # (B, entities) how often each is drawn; below (B, n) for the rows of each
    counts = np.stack(list(resample(len(names), settings.resamples, settings.seed)))
    return np.concatenate([weights[None, :], counts[:, of] * weights])


def _measure(
    task: LabelTask,
    test: NDArray[np.int64],
    predicted: NDArray[np.float64],
    resamples: NDArray[np.float64],
    settings: ProbeSettings,
) -> dict[str, NDArray[np.float64]]:
    """Each metric (1 + B,)."""
    parts = [
        measure(
            task.kind, task.values[test], predicted, resamples[low : low + BLOCK], settings.share,
            settings.false_positives,
        )
        for low in range(0, len(resamples), BLOCK)
    ]  # fmt: skip
    return {name: np.concatenate([part[name] for part in parts]) for name in METRICS[task.kind]}


def _count_test_groups(data: _SplitRows, task: LabelTask) -> dict[str, float]:
    """The number of entities that each metric of the test rows rests on."""
    entities = data.entities[data.test]
    whole = float(len(np.unique(entities)))
    if task.kind == "regression":
        return dict.fromkeys(METRICS[task.kind], whole)
    # a ranking of one class before others is no more certain than the scarcer of them lets it be
    compared = count_groups(entities, task.codes[data.test])
    return {name: whole if name in ("accuracy", "log loss") else compared for name in METRICS[task.kind]}


def _estimate(values: NDArray[np.float64], groups: float) -> Estimate:
    """From a metric as it is and its resamples (1 + B,)."""
    return Estimate(float(values[0]), *(estimate_interval(values[1:], least=20, groups=groups) or (None, None)))


def _constant(
    data: _SplitRows,
    task: LabelTask,
    weights: NDArray[np.float64],
    resamples: NDArray[np.float64],
    groups: Mapping[str, float],
    settings: ProbeSettings,
    measured: dict[tuple[str, str], NDArray[np.float64]],
) -> ProbeResult:
    """The mean of the training rows by their weights (the median, the best constant for the mean absolute error)."""
    train = task.values[data.train]
    if task.kind == "regression":
        made = np.full(len(data.test), weighted_median(train, weights))
    elif task.kind == "binary":
        made = np.full(len(data.test), float(np.average(train, weights=weights)))
    else:
        shares = np.bincount(train.astype(np.int64), weights, len(task.classes)) / weights.sum()
        made = np.tile(shares, (len(data.test), 1))
    found = _measure(task, data.test, made, resamples, settings)
    measured["constant", "none"] = found[PRIMARY[task.kind]]
    worst = np.inf if PRIMARY[task.kind] in LOWER_IS_BETTER else -np.inf
    metrics = {name: _estimate(values, groups[name]) for name, values in found.items()}
    return ProbeResult("constant", "none", 0, metrics, worst, 0.0, {}, 0.0)


def _result(
    source: str,
    probe: str,
    features: int,
    fitted: FittedProbe,
    each: list[dict[str, NDArray[np.float64]]],
    groups: Mapping[str, float],
    began: float,
) -> ProbeResult:
    metrics = {name: _estimate(np.mean([found[name] for found in each], 0), count) for name, count in groups.items()}
    # the first metric is the primary one
    spread = float(np.std([found[next(iter(groups))][0] for found in each]))
    seconds = time.perf_counter() - began
    return ProbeResult(source, probe, features, metrics, fitted.validation, spread, fitted.chosen, seconds)


def _best_probes(results: list[ProbeResult], task: LabelTask) -> dict[str, ProbeResult]:
    """For each source the probe that is best on validation."""
    sign = -1 if PRIMARY[task.kind] in LOWER_IS_BETTER else 1
    best: dict[str, ProbeResult] = {}
    for result in results:
        if result.source not in best or sign * result.validation > sign * best[result.source].validation:
            best[result.source] = result
    return best


def _rank_sources(best: Mapping[str, ProbeResult], task: LabelTask) -> list[ProbeResult]:
    """The best probe of each source, the best source first; a metric that is not defined comes last."""
    sign = 1 if PRIMARY[task.kind] in LOWER_IS_BETTER else -1
    values = {name: sign * result.metrics[PRIMARY[task.kind]].value for name, result in best.items()}
    return sorted(best.values(), key=lambda result: float(np.nan_to_num(values[result.source], nan=np.inf)))


def _why_undefined(data: _SplitRows, task: LabelTask, metric: str) -> str:
    """The reason why a metric has no value on the test rows."""
    found = np.unique(task.values[data.test])
    if task.kind != "regression" and len(found) == 1:
        return f"all test rows are of class {task.classes[int(found[0])]!r}, so that there is no {metric}"
    return f"{metric} is not defined on these test rows"


def _find_lacks(data: _SplitRows, task: LabelTask) -> list[str]:
    """Notes on classes that a split lacks."""
    if task.kind == "regression":
        return []
    train, validation, test = (np.unique(task.codes[rows]) for _, rows in data.named)
    notes = []
    if len(validation) == 1:
        name = task.classes[validation[0]]
        notes.append(f"all validation rows are of class {name!r}: the log loss chooses the settings of probes")
    unseen = [repr(task.classes[code]) for code in np.setdiff1d(test, train).tolist()]
    if unseen:
        some = ", ".join(unseen[:5]) + (", ..." if len(unseen) > 5 else "")
        notes.append(f"no training row is of class {some}, which no probe can predict")
    return notes


def _find_doubts(labels: LabelTable, task: LabelTask, counts: Mapping[str, int]) -> list[str]:
    """Notes on what was perhaps not meant."""
    notes = []
    if counts["unknown"] * 2 > counts["rows"]:
        notes.append(
            f"the streams do not have the entities of {counts['unknown']:,} of {counts['rows']:,} rows, whose "
            f"predictions know nothing of them; compare the keys with those of `inspect`"
        )
    known = counts["rows"] - counts["unknown"]
    if counts["without_events"] * 2 > known:
        notes.append(
            f"{counts['without_events']:,} of {known:,} rows of known entities have no event before their date; "
            "compare the dates with the times of events, and their zones"
        )
    notes += _find_repeats(labels, task)
    distinct = np.unique(task.values)
    if task.kind == "multiclass" and len(distinct) > max(FEW, len(task.rows) // 3):
        notes.append(
            f"the target has {len(distinct):,} classes in {len(task.rows):,} rows; if it is a number, a date or a key, "
            "name another column: --column target=HEADER"
        )
    alike = {name.casefold() for name in task.classes}
    if len(alike) < len(task.classes):
        notes.append("classes that differ in capital letters only are different ones: " + ", ".join(task.classes[:6]))
    if task.kind == "regression" and labels.kind is None and len(distinct) <= FEW and not (distinct % 1).any():
        notes.append(
            f"the target has {len(distinct)} whole numbers, and is taken for an amount; if they are classes, give "
            "--kind multiclass"
        )
    return notes


def _find_repeats(labels: LabelTable, task: LabelTask) -> list[str]:
    """A note on rows of one entity and date."""
    hashes, times = hash_keys(labels.keys.take(task.rows)), labels.times[task.rows]
    # rows of one entity and date side by side, by their target
    order = np.lexsort((task.values, times, hashes))
    same = (np.diff(hashes[order]) == 0) & (np.diff(times[order]) == 0)
    if not same.any():
        return []
    differ = int(np.count_nonzero(same & (np.diff(task.values[order]) != 0)))
    more = f", {differ:,} of them with another target" if differ else ""
    return [f"{int(same.sum()):,} rows name an entity and date that another row names{more}"]


def _gain(
    left: str,
    right: str,
    best: Mapping[str, ProbeResult],
    measured: Mapping[tuple[str, str], NDArray[np.float64]],
    groups: Mapping[str, float],
) -> Gain:
    metric = next(iter(groups))
    sign = -1 if metric in LOWER_IS_BETTER else 1
    # (1 + B,) both on the same resamples: the difference varies less than either
    found = _estimate(sign * (measured[left, best[left].probe] - measured[right, best[right].probe]), groups[metric])
    return Gain(left, right, found.value, found.low, found.high)
