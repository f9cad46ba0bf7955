"""Label tables: columns, dates, splits, targets; and the rows that are refused."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import train_folders

from domaintoolkit.errors import DataError, LookupFailedError, SourceError
from domaintoolkit.labels import LabelSettings, read_labels
from domaintoolkit.storage import EncodedFolder, open_encoded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> EncodedFolder:
    table = train_folders.rows(6, 4)
    out = tmp_path_factory.mktemp("labels")
    return open_encoded(train_folders.write(out, table, train_folders.tokenizer(table)))


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_columns_are_found_by_their_usual_headers(folder: EncodedFolder, tmp_path: Path) -> None:
    text = "user,at,label,task,split,weight\n1,2020-01-01,a,x,val,2\n2,,b,y,test,\n1,2020-01-02T03:00:00Z,,x,,1\n"
    labels = read_labels(write(tmp_path / "labels.csv", text), folder)
    assert labels.keys.to_pydict() == {"user": [1, 2, 1]}
    assert labels.times[0] == datetime(2020, 1, 1).timestamp() * 1e6 - 0
    assert labels.times[1] == 2**63 - 1
    assert labels.splits.tolist() == [1, 2, -1]
    assert labels.weights.tolist() == [2, 1, 1]
    assert labels.task_names == ("x", "y")
    assert labels.task("x").rows.tolist() == [0]
    assert labels.identity.column_names == ["user", "at", "task"]


def test_headers_can_be_given_and_taken_away(folder: EncodedFolder, tmp_path: Path) -> None:
    path = write(tmp_path / "labels.csv", "ID;weight;churned\n1;81.5;yes\n2;60;no\n3;70;yes\n")
    settings = LabelSettings({"user": "ID", "weight": ""})
    with pytest.raises(LookupFailedError, match="--column user=HEADER"):
        read_labels(path, folder)
    with pytest.raises(LookupFailedError, match="unknown column of a label table 'wieght'"):
        read_labels(path, folder, LabelSettings({"wieght": "x"}))
    labels = read_labels(path, folder, LabelSettings({**settings.headers, "target": "churned"}))
    assert labels.weights.tolist() == [1, 1, 1]
    task = labels.task()
    assert (task.name, task.kind, task.classes) == ("churned", "binary", ("no", "yes"))
    assert task.values.tolist() == [1, 0, 1]


def test_a_single_further_column_is_the_target(folder: EncodedFolder) -> None:
    labels = read_labels({"user": [1, 2], "spent": [1.5, 2.25]}, folder)
    assert labels.task_names == ("spent",)
    assert read_labels({"user": [1], "a": [1], "b": [2]}, folder).task_names == ()


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        ([1, 0, 1], "binary", ("0", "1")),
        (["1.0", "0.0", None], "binary", ("0", "1")),
        ([True, False], "binary", ("0", "1")),
        ([0, 0], "binary", ("0", "1")),
        (["b", "a", "c"], "multiclass", ("a", "b", "c")),
        ([3.5, 1, 2], "regression", ()),
        (["3", "1", "20"], "regression", ()),
    ],
)
def test_the_values_tell_the_kind_of_a_target(
    folder: EncodedFolder, values: list[object], kind: str, classes: tuple[str, ...]
) -> None:
    task = read_labels({"user": list(range(len(values))), "target": values}, folder).task()
    assert (task.kind, task.classes) == (kind, classes)


def test_the_kind_and_the_positive_class_can_be_set(folder: EncodedFolder) -> None:
    table = {"user": [1, 2, 3], "target": ["10", "9", "10"]}
    assert read_labels(table, folder, LabelSettings(kind="multiclass")).task().classes == ("9", "10")
    task = read_labels(table, folder, LabelSettings(positive="9")).task()
    assert task.classes == ("10", "9")
    assert task.values.tolist() == [0, 1, 0]
    with pytest.raises(LookupFailedError, match="unknown class '8'"):
        read_labels(table, folder, LabelSettings(positive="8")).task()
    texts = {"user": [1, 2], "target": ["1", "x"]}
    with pytest.raises(DataError, match=r"row 1: expected a finite number as the target 'target'.*'x'"):
        read_labels(texts, folder, LabelSettings(kind="regression")).task()


@pytest.mark.parametrize(
    "target",
    [
        pa.array([0.0, 1.0, float("nan"), 1.0, None]),
        ["0.0", "1.0", "NaN", "1", ""],
        ["no", "yes", " ", "yes ", None],
        [0.0, 1.0, float("nan"), 1.0, None],
    ],
)
def test_a_missing_target_is_not_a_class(target: object, folder: EncodedFolder) -> None:
    task = read_labels({"user": [1, 2, 3, 4, 5], "target": target}, folder).task()
    assert (task.kind, task.rows.tolist(), task.values.tolist()) == ("binary", [0, 1, 3], [0, 1, 1])


def test_words_for_missing_values_are_such_among_numbers_alone(folder: EncodedFolder) -> None:
    amounts = read_labels({"user": [1, 2, 3, 4], "target": ["1.5", "NA", "2", "-3"]}, folder).task()
    assert (amounts.kind, amounts.values.tolist()) == ("regression", [1.5, 2, -3])
    countries = read_labels({"user": [1, 2, 3], "target": ["DE", "NA", "FR"]}, folder).task()
    assert countries.classes == ("DE", "FR", "NA")


def test_an_infinite_target_and_a_third_class_are_refused(folder: EncodedFolder) -> None:
    labels = read_labels({"user": [1, 2, 3], "target": [0.5, float("inf"), 2.0]}, folder)
    with pytest.raises(DataError, match="expected a finite number as the target 'target' of a regression, got 'inf'"):
        labels.task()
    three = read_labels({"user": [1, 2, 3], "target": [0, 1, 2]}, folder, LabelSettings(kind="binary"))
    with pytest.raises(DataError, match=r"has 3 classes \('0', '1', '2'\), and a binary target has two"):
        three.task()


def test_the_positive_class_is_found_as_a_user_writes_it(folder: EncodedFolder) -> None:
    labels = read_labels({"user": [1, 2], "target": [0, 1]}, folder, LabelSettings(positive="0.0"))
    assert labels.task().classes == ("1", "0")


def test_all_bad_rows_are_refused_together(folder: EncodedFolder) -> None:
    table = {"user": ["1", None, "x"], "date": ["2020-01-01", "soon", "2020-01-01"], "split": ["train", "b", "test"]}
    with pytest.raises(DataError) as error:
        read_labels(table, folder)
    assert [(each.row, each.column) for each in error.value.refusals] == [
        (1, "user"), (1, "date"), (1, "split"), (2, "user"),
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"at least 0, got -1\.0; if the column holds something else"):
        read_labels({"user": [1], "weight": [-1]}, folder)


def test_dates_give_the_split_and_an_end_of_what_is_known(folder: EncodedFolder) -> None:
    table = {"user": [1, 1, 1], "date": ["2020-01-01", "2020-02-01", "2020-03-01"], "split": ["test"] * 3}
    settings = LabelSettings(until="2020-02-15", validation_from="2020-02-01", test_from="2020-03-01")
    labels = read_labels(table, folder, settings)
    assert labels.splits.tolist() == [0, 1, 2]
    assert labels.times[2] == (datetime(2020, 2, 15) - datetime(1970, 1, 1)).total_seconds() * 1e6


def test_parquet_and_packed_csv_are_read(folder: EncodedFolder, tmp_path: Path) -> None:
    table = pa.table({"user": pa.array([1, 2], pa.int32()), "target": [0, 1]})
    pq.write_table(table, tmp_path / "labels")
    assert read_labels(tmp_path / "labels", folder).keys["user"].to_pylist() == [1, 2]
    with pa.output_stream(str(tmp_path / "labels.gz"), compression="gzip") as stream:
        stream.write(b"user,target\n1,0\n")
    assert len(read_labels(tmp_path / "labels.gz", folder)) == 1
    with pytest.raises(SourceError, match="is empty"):
        read_labels(write(tmp_path / "empty.csv", ""), folder)
    with pytest.raises(SourceError, match="No such file"):
        read_labels(tmp_path / "absent.csv", folder)


@pytest.mark.parametrize("dates", [["2024-01-01", "2024-02-01"], [datetime(2024, 1, 1), datetime(2024, 2, 1)]])
def test_a_column_of_dates_without_a_role_is_refused(dates: list[object], folder: EncodedFolder) -> None:
    """Its rows would know what came after their dates."""
    rows = {"user": [1, 2], "snapshot": dates, "target": [0, 1], "year": ["2024", "2023"]}
    with pytest.raises(DataError, match=r"snapshot.*later ones too; --column '?date=snapshot"):
        read_labels(rows, folder)
    assert read_labels(rows, folder, LabelSettings({"date": "snapshot"})).times[0] < 2**62
    assert read_labels(rows, folder, LabelSettings({"date": ""})).times.tolist() == [2**63 - 1] * 2


def test_a_table_without_a_target_or_with_several_says_what_to_name(folder: EncodedFolder) -> None:
    with pytest.raises(DataError, match="has no target: call its column target or label"):
        read_labels({"user": [1], "a": [1], "b": [2]}, folder).task()
    several = read_labels({"user": [1, 2], "task": ["x", "y"], "target": [1, 0]}, folder)
    with pytest.raises(DataError, match="has several tasks, name one: --task x or y"):
        several.task()
