"""Probes: a linear model and LightGBM on fixed features, their settings chosen on validation rows only."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import MissingExtraError
from domaintoolkit.labels import Kind
from domaintoolkit.probes.label_metrics import LOWER_IS_BETTER, PRIMARY, measure

__all__ = ["PROBES", "FittedProbe", "ProbeRows", "ProbeSettings", "check_extra", "fit_probe"]

Floats = NDArray[np.float64]
Table = NDArray[np.float32]

PROBES = ("linear", "LightGBM")
PENALTIES = (1e-4, 1e-3, 1e-2, 0.1, 1.0)
"""Of the linear probe: C of a logistic regression, and n / alpha of a ridge regression."""
TREES: tuple[dict[str, Any], ...] = (
    {"num_leaves": 31, "min_child_samples": 20, "colsample_bytree": 0.5, "reg_lambda": 1.0},
    {"num_leaves": 7, "min_child_samples": 20, "colsample_bytree": 0.3, "reg_lambda": 10.0},
    {"num_leaves": 15, "min_child_samples": 100, "colsample_bytree": 0.1, "reg_lambda": 10.0},
)
# the most trees, and trees without a gain on validation after which no more are added
ROUNDS, PATIENCE = 1500, 60


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """The fitting and measuring of probes."""

    probes: tuple[Literal["linear", "LightGBM"], ...] = ("linear", "LightGBM")
    seeds: int = 3
    """Fits of LightGBM that differ in their seed; a linear probe has one solution."""
    resamples: int = 300
    """Bootstrap resamples of the test entities."""
    threads: int = 1
    refit: bool = False
    """True if the chosen probe is fitted again on training and validation rows together."""
    rows: int = 200_000
    """The most training rows, drawn at random if there are more."""
    share: float = 0.1
    """k of precision and recall at k, as a share of the test rows."""
    false_positives: float = 0.01
    """The false positive rate at which precision and recall are printed."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ProbeRows:
    """Rows of one split."""

    # (n, features), (n,) and (n,)
    features: Table
    target: Floats
    weights: Floats

    def take(self, rows: NDArray[np.int64]) -> ProbeRows:
        """Some of them."""
        return ProbeRows(self.features[rows], self.target[rows], self.weights[rows])

    def join(self, other: ProbeRows) -> ProbeRows:
        """These, and the others after them."""
        return ProbeRows(
            np.concatenate([self.features, other.features]),
            np.concatenate([self.target, other.target]),
            np.concatenate([self.weights, other.weights]),
        )


@dataclass(frozen=True, slots=True)
class FittedProbe:
    """A probe with the settings that were best on validation."""

    chosen: dict[str, Any]
    validation: float
    """Its primary metric on the validation rows."""
    predictions: tuple[Floats, ...]
    """For each seed, the predictions for the test rows."""


Predict = Callable[[Table], Floats]


def check_extra() -> None:
    """Raise `MissingExtraError` if scikit-learn or LightGBM is not installed."""
    for name, package in (("sklearn", "scikit-learn"), ("lightgbm", "lightgbm")):
        try:
            __import__(name)
        except ImportError:
            raise MissingExtraError(package, "evaluate") from None


def fit_probe(
    probe: str, kind: Kind, classes: int, splits: Mapping[str, ProbeRows], settings: ProbeSettings
) -> FittedProbe:
    """Fit a probe on the rows `train`, choose its settings on `validation`, and predict `test`."""
    train, validation, test = splits["train"], splits["validation"], splits["test"]
    fit = _linear if probe == "linear" else _trees
    grid: Sequence[dict[str, Any]]
    if probe == "linear":
        scales = [{}, {"target": "asinh"}] if kind == "regression" and _has_tails(train.target) else [{}]
        grid = [{"C": penalty, **scale} for scale in scales for penalty in PENALTIES]
        prepare = _Standard(train.features)
        train, validation, test = (
            ProbeRows(prepare(rows.features), rows.target, rows.weights) for rows in (train, validation, test)
        )
    else:
        # a tree for each class and round: the smallest trees alone, or many classes would take hours
        shapes = TREES[1:2] if kind == "multiclass" else TREES
        grid = [{**trees, **more} for trees in shapes for more in _objectives(kind)]
    best: tuple[float, dict[str, Any]] | None = None
    for options in grid:
        predict, found = fit(kind, classes, train, validation, options, settings, settings.seed)
        value = _score(kind, validation, predict(validation.features), settings)
        if best is None or value > best[0]:
            best = value, {**options, **found}
    assert best is not None
    rows = train.join(validation) if settings.refit else train
    # the number of trees stays that of the validation, grown with the rows
    against = None if settings.refit else validation
    seeds = range(settings.seed, settings.seed + (1 if probe == "linear" else settings.seeds))
    predictions = tuple(fit(kind, classes, rows, against, best[1], settings, seed)[0](test.features) for seed in seeds)
    sign = -1 if PRIMARY[kind] in LOWER_IS_BETTER else 1
    return FittedProbe(best[1], sign * best[0], predictions)


def _score(kind: Kind, rows: ProbeRows, predicted: Floats, settings: ProbeSettings) -> float:
    """The primary metric, such that more is better; of a validation that does not define it, the log loss."""
    found = measure(kind, rows.target, predicted, rows.weights[None, :], settings.share, settings.false_positives)
    name = PRIMARY[kind]
    if np.isnan(found[name][0]):
        name = "log loss"
    value = float(found[name][0])
    return -value if name in LOWER_IS_BETTER else value


class _Standard:
    """Features for a linear model: long tails taken in by a signed logarithm, missing values as a mean and a flag."""

    def __init__(self, features: Table) -> None:
        tails = _log(features)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of columns without any value
            self._mean = np.nan_to_num(np.nanmean(tails, 0))
            spread = np.nan_to_num(np.nanstd(tails, 0))  # (features,)
        # a constant column says nothing, and would be divided by zero
        self._kept = spread > 1e-9
        if not self._kept.any():
            # a model is fitted on one column at least; this one is zero for all rows
            self._kept[:1] = True
        self._spread = np.where(spread > 1e-9, spread, 1)
        missing = np.isnan(features).mean(0)
        # a flag that hardly ever differs says nothing
        self._flags = (missing > 0.01) & (missing < 0.99)

    def __call__(self, features: Table) -> Table:
        scaled = (_log(features) - self._mean) / self._spread
        # a value far outside of those in training would decide alone
        plain = np.clip(np.nan_to_num(scaled[:, self._kept]), -10, 10)
        return np.concatenate([plain, np.isnan(features[:, self._flags])], 1).astype(np.float32)


def _has_tails(target: Floats) -> bool:
    """True if some targets are ten times as far from the median as most: a mean would follow them alone."""
    away = np.abs(target - np.median(target))
    return bool(away.max() > 10 * np.median(away))


class _TargetScale:
    """Amounts with long tails on a scale that is linear near 0 and logarithmic far from it."""

    def __init__(self, target: Floats) -> None:
        # amounts begin at 0; what has both signs is taken around the median
        self._center = 0.0 if target.min() >= 0 else float(np.median(target))
        away = np.abs(target - self._center)
        self._unit = float(np.median(away[away > 0]))
        narrow = self.narrow(target)
        self._low, self._high = float(narrow.min()), float(narrow.max())

    def narrow(self, target: Floats) -> Floats:
        return np.asarray(np.arcsinh((target - self._center) / self._unit))

    def widen(self, narrow: Floats) -> Floats:
        """The way back; not beyond what training has seen, since errors grow exponentially there."""
        return np.asarray(np.sinh(np.clip(narrow, self._low, self._high)) * self._unit + self._center)


def _log(features: Table) -> Table:
    return np.sign(features) * np.log1p(np.abs(features))


def _linear(
    kind: Kind,
    classes: int,
    train: ProbeRows,
    validation: ProbeRows | None,  # noqa: ARG001 - a probe takes it
    options: dict[str, Any],
    settings: ProbeSettings,
    seed: int,
) -> tuple[Predict, dict[str, Any]]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge
    from threadpoolctl import threadpool_limits

    with threadpool_limits(settings.threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # of a target with many classes, which the notes of the evaluation speak of
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        if kind == "regression":
            ridge = Ridge(alpha=1 / options["C"], random_state=seed)
            scale = _TargetScale(train.target) if "target" in options else None
            ridge.fit(train.features, train.target if scale is None else scale.narrow(train.target), train.weights)

            def predict(features: Table) -> Floats:
                found = np.asarray(ridge.predict(features), np.float64)
                return found if scale is None else scale.widen(found)

            return predict, {}
        model = LogisticRegression(C=options["C"], max_iter=200, tol=1e-3, random_state=seed)
        model.fit(train.features, train.target.astype(np.int64), train.weights)
    return _probabilities(kind, classes, model), {}


def _trees(
    kind: Kind,
    classes: int,
    train: ProbeRows,
    validation: ProbeRows | None,
    options: dict[str, Any],
    settings: ProbeSettings,
    seed: int,
) -> tuple[Predict, dict[str, Any]]:
    import lightgbm

    given = dict(options)
    rounds = int(given.pop("trees", ROUNDS))
    # the last two make the trees of every run the same
    common = {
        "n_estimators": rounds, "learning_rate": 0.1 if kind == "multiclass" else 0.05, "subsample": 0.8,
        "subsample_freq": 1, "max_bin": 63, "n_jobs": settings.threads, "random_state": seed, "verbose": -1,
        "deterministic": True, "force_row_wise": True,
    }  # fmt: skip
    made = lightgbm.LGBMRegressor if kind == "regression" else lightgbm.LGBMClassifier
    model = made(**{**common, **given})
    extra: dict[str, Any] = {}
    metric = {"binary": "auc", "multiclass": "multi_logloss", "regression": "l1"}[kind]
    if kind == "multiclass" and len(np.unique(train.target)) == 2:
        metric = "binary_logloss"  # LightGBM fits two classes as a binary target
    if kind == "binary" and validation is not None and len(np.unique(validation.target)) < 2:
        metric = "binary_logloss"  # one class has no area under the curve, and the first tree would be the best
    target = train.target if kind == "regression" else train.target.astype(np.int64)
    if validation is not None and "trees" not in options:
        known = (
            np.isin(validation.target, train.target) if kind == "multiclass" else np.ones(len(validation.target), bool)
        )
        held = validation.target if kind == "regression" else validation.target.astype(np.int64)
        # LightGBM refuses classes in the validation that training does not have
        extra = {
            "eval_X": (validation.features[known],), "eval_y": (held[known],),
            "eval_sample_weight": [validation.weights[known]], "eval_metric": metric,
            "callbacks": [lightgbm.early_stopping(PATIENCE, first_metric_only=True, verbose=False)],
        }  # fmt: skip
    model.fit(train.features, target, sample_weight=train.weights, **extra)
    # no best iteration without early stopping
    count = int(model.best_iteration_ or rounds)
    if kind == "regression":
        return lambda features: np.asarray(model.predict(features), np.float64), {"trees": count}
    return _probabilities(kind, classes, model), {"trees": count}


def _objectives(kind: Kind) -> list[dict[str, Any]]:
    return [{"objective": "l1"}, {"objective": "l2"}] if kind == "regression" else [{}]


def _probabilities(kind: Kind, classes: int, model: Any) -> Predict:
    def predict(features: Table) -> Floats:
        found = np.zeros((len(features), classes))
        # a class without training rows has no column of its own
        found[:, np.asarray(model.classes_, np.int64)] = model.predict_proba(features)
        return found[:, 1] if kind == "binary" else found

    return predict
