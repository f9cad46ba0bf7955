"""The tuned model beside a constant, and beside LightGBM on the embeddings of the model before it was tuned."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.finetune.tuning_data import TRAIN, VALIDATION, TuningData
from domaintoolkit.metrics import count_groups, estimate_interval, resample

__all__ = ["bootstrap_gain", "predict_with_trees"]

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

DRAWS = 200
"""Resamples of the bootstrap."""
MOST = 200_000
"""Training rows that trees are fitted on."""
TREES: dict[str, Any] = {
    "n_estimators": 400, "learning_rate": 0.05, "num_leaves": 15, "min_child_samples": 20, "colsample_bytree": 0.5,
    "subsample": 0.8, "subsample_freq": 1, "verbose": -1, "deterministic": True, "force_row_wise": True,
}  # fmt: skip


def predict_with_trees(
    data: TuningData, vectors: dict[int, NDArray[np.float32]], test: int, seed: int, threads: int
) -> Floats | None:
    """The predictions of the rows of split `test` by LightGBM, fitted on the vectors (n, vector) of each split and the
    columns; early stopping on validation rows. None without LightGBM."""
    if find_spec("lightgbm") is None:
        return None
    import lightgbm

    objective = data.objective
    is_class = objective.kind in ("binary", "multiclass")
    kind = lightgbm.LGBMClassifier if is_class else lightgbm.LGBMRegressor
    chosen = data.rows(TRAIN)
    kept = np.sort(np.random.default_rng(seed).permutation(len(chosen))[:MOST])
    table = _join(data, chosen, vectors[TRAIN])[kept]
    rows = chosen[kept]
    how: dict[str, Any] = {**TREES, "random_state": seed, "n_jobs": threads}
    model = kind(**how) if is_class else kind(objective="regression_l1", **how)
    options: dict[str, Any] = {"sample_weight": data.labels.weights[rows]}
    validation = data.rows(VALIDATION)
    known = np.isin(data.values[validation], data.values[rows]) if is_class else np.ones(len(validation), np.bool_)
    if known.any():
        held_out = _join(data, validation, vectors[VALIDATION])[known]
        options["eval_set"] = [(held_out, data.values[validation][known])]
        options["eval_sample_weight"] = [data.labels.weights[validation][known]]
        options["callbacks"] = [lightgbm.early_stopping(30, verbose=False)]
    numbers = data.columns.numbers.shape[1]
    # columns in the order of `_join`: vectors, numbers, codes
    first = vectors[TRAIN].shape[1] + numbers
    options["categorical_feature"] = list(range(first, first + data.columns.codes.shape[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions of LightGBM want the validation rows under another name
        model.fit(table, data.values[rows], **options)
    asked = _join(data, data.rows(test), vectors[test])
    if not is_class:
        return np.asarray(model.predict(asked), np.float64)[:, None]
    found = np.zeros((len(asked), len(objective.classes)))
    # (n, classes) a class without training rows has no column
    found[:, model.classes_.astype(np.int64)] = model.predict_proba(asked)
    return found


def _join(data: TuningData, rows: Longs, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    columns = data.columns.take(rows)
    # LightGBM has a branch of its own for NaN
    numbers = np.where(columns.missing > 0, np.nan, columns.numbers)
    return np.concatenate([vectors.astype(np.float64), numbers, columns.codes], 1)


def bootstrap_gain(
    data: TuningData, rows: Longs, mine: Floats, other: Floats, seed: int
) -> tuple[float, float, float] | None:
    """The gain of `mine` over `other` in the metric that chose the weights, and its 95% interval over entities.

    None if there are too few rows for an interval.
    """
    objective, groups = data.objective, data.groups[rows]
    sign = 1.0 if objective.is_higher_better else -1.0

    def gain(at: Longs) -> float:
        scores = [data.score(each[at], rows[at])[objective.metric] for each in (mine, other)]
        return sign * (scores[0] - scores[1])

    # rows of one entity, or of one group that is ranked, stay together
    found, codes = np.unique(groups if groups.any() else data.entities[rows], return_inverse=True)
    draws = DRAWS if len(found) > 1 else 0
    # (drawn rows,) each row as often as its group was drawn
    drawn = [gain(np.repeat(np.arange(len(rows)), counts[codes])) for counts in resample(len(found), draws, seed)]
    compared = float(len(found))
    if objective.kind == "binary":
        # no more certain than the scarcer class lets it be
        compared = count_groups(codes, data.values[rows].astype(np.int64))
    interval = estimate_interval(drawn, least=DRAWS // 2, groups=compared)
    whole = gain(np.arange(len(rows)))
    return None if interval is None or not np.isfinite(whole) else (whole, *interval)
