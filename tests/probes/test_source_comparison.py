"""Probes find what the features hold, say how certain it is, and choose on validation only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import train_folders

from domaintoolkit.errors import DataError
from domaintoolkit.grammar import index_events, parse_spans
from domaintoolkit.labels import LabelTable, place_labels, read_labels
from domaintoolkit.model import EventModel, event_preset
from domaintoolkit.probes import LabelEvaluation, ProbeSettings, evaluate_labels, evaluate_sources
from domaintoolkit.probes import probe_fitting as fitting
from domaintoolkit.probes.ablations import damage
from domaintoolkit.probes.label_report import Estimate, Gain, ProbeResult, write_sentence
from domaintoolkit.storage import EncodedFolder, open_encoded
from domaintoolkit.windows.packing import StoredHistories

pytest.importorskip("lightgbm")
pytest.importorskip("sklearn")

TABLE = train_folders.rows(60, 6)
TOKENIZER = train_folders.tokenizer(TABLE)
SPLITS = ("train", "train", "validation", "test")
FAST = ProbeSettings(seeds=2, resamples=40)


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "TREES", fitting.TREES[:2])
    monkeypatch.setattr(fitting, "ROUNDS", 30)
    monkeypatch.setattr(fitting, "PENALTIES", fitting.PENALTIES[1:4])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> EncodedFolder:
    return open_encoded(train_folders.write(tmp_path_factory.mktemp("streams"), TABLE, TOKENIZER))


def labels_of(folder: EncodedFolder, target: list[Any], **columns: Any) -> LabelTable:
    count = len(target)
    users = [row % 60 for row in range(count)]
    split = [SPLITS[user % 4] for user in users]
    return read_labels({"user": users, "target": target, "split": split, **columns}, folder)


def evaluated(
    labels: LabelTable, folder: EncodedFolder, sources: dict[str, Any], settings: ProbeSettings = FAST
) -> LabelEvaluation:
    return evaluate_sources(sources, labels, labels.task(), place_labels(folder, labels), settings)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_the_source_that_holds_the_target_wins_and_noise_does_not(kind: str, folder: EncodedFolder) -> None:
    random = np.random.default_rng(0)
    signal = random.normal(size=(240, 3)).astype(np.float32)
    noise = random.normal(size=(240, 3)).astype(np.float32)
    made: dict[str, list[Any]] = {
        "binary": (signal[:, 0] > 0).astype(int).tolist(),
        "multiclass": [f"class {place}" for place in signal.argmax(1)],
        "regression": (signal[:, 0] * 2 + 5).tolist(),
    }
    found = evaluated(labels_of(folder, made[kind]), folder, {"embeddings": signal, "aggregates": noise})
    assert found.kind == kind
    gain = found.gains[0]
    assert (gain.left, gain.right, gain.is_certain) == ("embeddings", "aggregates", True)
    assert gain.gain > 0
    assert found.sentence.startswith("embeddings (")
    assert "certain" in found.sentence
    assert found.entities == 15
    assert len(found.results) == 5
    assert found.table().count("\n") == 6
    assert found.to_json()["metric"] == found.metric
    again = evaluated(labels_of(folder, made[kind]), folder, {"embeddings": signal, "aggregates": noise})
    assert [each.metrics for each in again.results] == [each.metrics for each in found.results]


@pytest.mark.slow
def test_test_rows_have_no_part_in_the_choice(folder: EncodedFolder) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(480, 4)).astype(np.float32)
    target = (features[:, 0] + random.normal(size=480) > 0).astype(int)
    labels = labels_of(folder, target.tolist())
    is_test = place_labels(folder, labels).splits == 2
    flipped = np.where(is_test, 1 - target, target)
    one = evaluated(labels, folder, {"aggregates": features})
    two = evaluated(labels_of(folder, flipped.tolist()), folder, {"aggregates": features})
    for left, right in zip(one.results[1:], two.results[1:], strict=True):
        assert (left.chosen, left.validation) == (right.chosen, right.validation)
        assert left.metrics["AUROC"].value == pytest.approx(1 - right.metrics["AUROC"].value)


def test_rows_without_a_split_or_classes_are_refused(folder: EncodedFolder) -> None:
    features = {"aggregates": np.zeros((60, 1), np.float32)}
    with pytest.raises(DataError, match="no row with a label is for test"):
        evaluated(
            read_labels({"user": range(60), "target": [0, 1] * 30, "split": ["train"] * 60}, folder), folder, features
        )
    with pytest.raises(DataError, match="all training rows of target 'target' are of one class"):
        evaluated(labels_of(folder, [int(user % 4 == 3) for user in range(60)]), folder, features)


def test_validation_rows_are_taken_from_training_if_there_are_none(folder: EncodedFolder) -> None:
    random = np.random.default_rng(0)
    split = ["test" if user % 2 else "train" for user in range(60)]
    labels = read_labels({"user": range(60), "target": [0, 1, 1] * 20, "split": split}, folder)
    found = evaluated(
        labels, folder, {"aggregates": random.normal(size=(60, 2)).astype(np.float32)},
        ProbeSettings(probes=("linear",), resamples=30, rows=20),
    )  # fmt: skip
    assert (found.rows["train"], found.rows["validation"], found.rows["test"]) == (20, 6, 30)
    assert len(found.notes) == 2


@pytest.mark.slow
def test_a_model_is_measured_beside_aggregates_and_its_untrained_twin(folder: EncodedFolder) -> None:
    torch.manual_seed(1)
    model = EventModel(
        event_preset("54k", len(TOKENIZER.vocabulary), layers=1), TOKENIZER.grammar, TOKENIZER.vocabulary.hash
    )
    labels = labels_of(folder, [user % 3 == 0 for user in range(60)])
    settings = ProbeSettings(probes=("linear",), resamples=30)
    found = evaluate_labels(model, folder, labels, settings=settings, ablations=True)
    names = [result.source for result in found.results]
    assert names == ["constant", "aggregates", "embeddings", "both", "untrained", "events shuffled", "times removed"]
    # the country, a static field, is the target: aggregates hold it
    assert found.results[1].metrics["AUROC"].value == 1.0
    alone = evaluate_labels(None, folder, labels, settings=settings)
    assert [result.source for result in alone.results] == ["constant", "aggregates"]
    assert alone.gains[0].right == "constant"


def segments(made: StoredHistories, row: int) -> list[list[int]]:
    ids = made.ids[made.offsets[row] : made.offsets[row + 1]].tolist()
    starts = made.starts[made.event_offsets[row] : made.event_offsets[row + 1]].tolist()
    return [ids[low:high] for low, high in zip([0, *starts], [*starts, len(ids)], strict=True)]


@pytest.mark.parametrize("what", ["shuffled", "timeless"])
def test_damaged_histories_keep_everything_else(what: Any, folder: EncodedFolder) -> None:
    rows = next(iter(folder.streams()))
    counts = np.diff(rows.event_offsets)
    histories = np.repeat(np.arange(len(counts)), 2)
    events = np.stack([counts, np.maximum(counts // 2, 1)], 1).ravel().astype(np.int64)
    whole = StoredHistories(rows.ids, rows.offsets, rows.event_starts, rows.event_offsets, rows.times, histories)
    made = damage(rows, histories, events, TOKENIZER, what)
    changed = 0
    for row, (history, count) in enumerate(zip(histories, events, strict=True)):
        before, after = segments(whole, int(history))[: count + 1], segments(made, row)
        assert before[0] == after[0]
        if what == "shuffled":
            session = TOKENIZER.grammar.session
            plain = [sorted([one for one in each if one != session] for each in part[1:]) for part in (before, after)]
            assert plain[0] == plain[1]
        else:
            time = [part for part, name in enumerate(TOKENIZER.grammar.part_fields) if name == "at"]
            place = TOKENIZER.grammar.place
            for old, new in zip(before[1:], after[1:], strict=True):
                assert [one for one in old if place[one] not in time] == [one for one in new if place[one] not in time]
            assert len({tuple(one for one in each if place[one] in time) for each in after[1:]}) == 1
        changed += before != after
    assert changed > len(histories) // 3
    # a model can read them
    index = index_events(made.ids, made.offsets, TOKENIZER.grammar)
    assert np.array_equal(np.diff(index.offsets), events)
    parse_spans(made.ids.astype(np.int64), made.offsets, TOKENIZER.grammar)


def test_the_constant_is_that_of_the_weighted_rows(folder: EncodedFolder) -> None:
    target = [float(row % 5) for row in range(240)]
    weights = [3.0 if value == 4 else 0.5 for value in target]
    labels = labels_of(folder, target, weight=weights)
    found = evaluated(
        labels, folder, {"noise": np.zeros((240, 1), np.float32)}, ProbeSettings(probes=("linear",), resamples=9)
    )
    constant = found.results[0]
    # more than half of the weight lies at 4
    errors = [abs(value - 4) for row, value in enumerate(target) if SPLITS[row % 60 % 4] == "test"]
    own = [weight for row, weight in enumerate(weights) if SPLITS[row % 60 % 4] == "test"]
    assert constant.metrics["MAE"].value == pytest.approx(np.average(errors, weights=own))
    assert found.sentence.startswith("nothing is better than the constant")


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ((("constant", True), ("aggregates", True)), "embeddings (linear) win with AUROC"),
        ((("constant", True), ("aggregates", False)), "are first with AUROC 0.800, not certainly ahead of aggregates"),
        ((("constant", False), ("aggregates", False)), "but nothing is certainly better than the constant"),
    ],
)
def test_a_source_wins_only_if_it_is_certainly_ahead(over: tuple[tuple[str, bool], ...], said: str) -> None:
    result = ProbeResult("embeddings", "linear", 2, {"AUROC": Estimate(0.8, None, None)}, 0.8, 0.0, {}, 0.0)
    leads = tuple(Gain("embeddings", name, 0.1, 0.05 if certain else -0.05, 0.2) for name, certain in over)
    assert said in write_sentence("AUROC", [result], (), leads, "")


def test_a_linear_probe_of_amounts_with_long_tails_predicts_on_their_scale(folder: EncodedFolder) -> None:
    signal = np.random.default_rng(0).normal(size=(240, 2)).astype(np.float32)
    # amounts from a hundredth to a hundred: a line through them is far off for most
    target = np.exp(1.7 * signal[:, 0]).tolist()
    settings = ProbeSettings(probes=("linear",), resamples=40)
    found = evaluated(labels_of(folder, target), folder, {"aggregates": signal}, settings)
    assert found.results[1].chosen["target"] == "asinh"
    assert found.results[1].metrics["MAE"].value < 0.7 * found.results[0].metrics["MAE"].value
    # both signs, around a median that is not 0
    both = [value + 50 if row % 2 else 50 - value for row, value in enumerate(target)]
    signed = np.concatenate([signal, np.where(np.arange(240)[:, None] % 2, signal, -signal)], 1)
    assert evaluated(labels_of(folder, both), folder, {"aggregates": signed}, settings).results[1].chosen
    plain = evaluated(labels_of(folder, signal[:, 0].tolist()), folder, {"aggregates": signal}, settings)
    assert "target" not in plain.results[1].chosen


def evaluated_by_noise(labels: LabelTable, folder: EncodedFolder) -> LabelEvaluation:
    made = {"noise": np.random.default_rng(0).normal(size=(len(labels), 2)).astype(np.float32)}
    return evaluated(labels, folder, made, ProbeSettings(probes=("linear",), resamples=40))


def test_rows_of_weight_0_are_left_out(folder: EncodedFolder) -> None:
    target = [row % 2 for row in range(240)]
    found = evaluated_by_noise(labels_of(folder, target, weight=[1.0] * 120 + [0.0] * 120), folder)
    assert found.rows["train"] == 60
    assert "120 rows of weight 0 are left out" in found.notes
    with pytest.raises(DataError, match="no row with a label and a weight is for train"):
        evaluated_by_noise(labels_of(folder, target, weight=[0.0] * 240), folder)
    weights = [float(value) for value in target]
    with pytest.raises(DataError, match=r"all training rows of target 'target' are of one class \('1'\)"):
        evaluated_by_noise(labels_of(folder, target, weight=weights), folder)


def test_too_few_rows_or_classes_of_a_split_are_said(folder: EncodedFolder) -> None:
    target = [row // 4 % 2 for row in range(240)]
    one = [1 if row % 4 == 3 else value for row, value in enumerate(target)]
    found = evaluated_by_noise(labels_of(folder, one), folder)
    assert found.sentence == "none: all test rows are of class '1', so that there is no AUROC"
    one = [1 if row % 4 == 2 else value for row, value in enumerate(target)]
    found = evaluated_by_noise(labels_of(folder, one), folder)
    assert "all validation rows are of class '1': the log loss chooses the settings of probes" in found.notes
    rare = ["rare" if row in (3, 7) else f"class {value}" for row, value in enumerate(target)]
    found = evaluated_by_noise(labels_of(folder, rare), folder)
    assert "no training row is of class 'rare', which no probe can predict" in found.notes
    with pytest.raises(DataError, match="no row has a value of target 'target'"):
        evaluated_by_noise(labels_of(folder, [None] * 240), folder)
    labels = read_labels({"user": [0, 2, 3], "target": [1.5, 2.5, 7.0], "split": ["train", "val", "test"]}, folder)
    with pytest.raises(DataError, match="one training row is too few"):
        evaluated_by_noise(labels, folder)


def test_rows_that_were_perhaps_not_meant_are_said(folder: EncodedFolder) -> None:
    target = [row % 2 for row in range(240)]
    notes = evaluated_by_noise(labels_of(folder, target, date=["1990-01-01"] * 240), folder).notes
    assert any(note.startswith("240 of 240 rows of known entities have no event before their date") for note in notes)
    # of 60 users each has four rows
    assert any(note.startswith("180 rows name an entity and date that another row names") for note in notes)
    notes = evaluated_by_noise(labels_of(folder, [f"key {row}" for row in range(240)]), folder).notes
    assert any(note.startswith("the target has 240 classes in 240 rows") for note in notes)
    notes = evaluated_by_noise(labels_of(folder, ["Yes", "yes", "no"] * 80), folder).notes
    assert "classes that differ in capital letters only are different ones: Yes, no, yes" in notes


def test_nothing_is_certain_of_a_class_of_one_entity(folder: EncodedFolder) -> None:
    # user 3 is in the test split, and the only one of its class there; noise often ranks a single row well
    target = [int(row % 60 == 3 or (row % 4 != 3 and row % 3 == 0)) for row in range(240)]
    signal = np.array(target, np.float32)[:, None]
    found = evaluated(labels_of(folder, target), folder, {"aggregates": signal})
    assert not any(gain.is_certain for gain in found.gains)
    assert "too few test entities, or too few of a class, for an interval" in found.sentence
