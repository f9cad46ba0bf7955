"""`read_labels`: a file or a table of labels, checked against an encoded folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, LookupFailedError, Problem, Refusal, SchemaError
from domaintoolkit.labels.label_files import read_label_file
from domaintoolkit.labels.label_table import ROLES, LabelSettings, LabelTable
from domaintoolkit.labels.label_task import read_numbers
from domaintoolkit.schema import Reader, Schema, from_dict
from domaintoolkit.storage import EncodedFolder
from domaintoolkit.times.time_form import ISO, TimeForm
from domaintoolkit.tokenizer.rows.column_types import cast_keys
from domaintoolkit.tokenizer.rows.table import OpenTable
from domaintoolkit.util.arrow import show_value, to_plain
from domaintoolkit.values import Prepared, to_microseconds
from domaintoolkit.values.objects import as_column
from domaintoolkit.values.texts import is_text

__all__ = ["END", "read_labels"]

END = int(np.iinfo(np.int64).max)
"""The time of rows without a date."""
PROBED = 1_000
"""Values that say if a column without a role holds dates."""
SPLIT_NAMES = {
    "train": 0, "training": 0, "fit": 0,
    "validation": 1, "val": 1, "valid": 1, "dev": 1, "tune": 1,
    "test": 2, "holdout": 2, "hold": 2, "held-out": 2,
}  # fmt: skip
DEFAULT_HEADERS = {"date": ("date",), "target": ("target", "label"), "task": ("task",), "split": ("split",)}
DEFAULT_HEADERS |= {"weight": ("weight",)}


def read_labels(source: str | Path | Any, folder: EncodedFolder, settings: LabelSettings | None = None) -> LabelTable:
    """The labels of a CSV, Parquet or Arrow file, or of a table in memory, for the streams of a folder.

    The key has the headers of the schema's entity columns. The other columns are `date` (or the name of the schema's
    time column), `target` or `label` (or, if there is no such header, the only further column), `task`, `split` and
    `weight`; only the key is required, and `settings.headers` gives other headers. Another column of dates is refused
    if no column is the date. Dates without a zone are in the
    schema's zone: in ISO 8601, or in the form of the streams' own times. A row without a date knows all events of its
    entity.

    Raises `SourceError` if a file cannot be read, and `DataError` with all rows that have no key, an invalid date, an
    unknown split or a negative weight.
    """
    chosen = settings or LabelSettings()
    schema = from_dict(Schema, folder.manifest.schema)
    table = read_label_file(Path(source)) if isinstance(source, str | Path) else _as_table(source)
    columns = _find_columns(table.column_names, schema, chosen.headers)
    refused: list[Refusal] = []
    forms = _time_forms(schema, folder.manifest.reader)
    if schema.time is not None and "date" not in columns and "date" not in chosen.headers:
        _refuse_idle_dates(table, columns, schema, forms)
    keys = {}
    for name in schema.entity:
        keys[name] = _read_key(to_plain(table[columns[name]]), columns[name], _key_type(folder, name), refused)
    cut = None if chosen.until is None else _parse_setting("until", chosen.until, schema.zone)
    times = _read_times(table, columns.get("date"), schema, forms, refused)
    made = LabelTable(
        table=table,
        columns=columns,
        keys=pa.table(keys),
        times=times if cut is None else np.minimum(times, cut),
        splits=_read_splits(table, columns.get("split"), times, schema.zone, chosen, refused),
        weights=_read_weights(table, columns.get("weight"), refused),
        including=chosen.including,
        kind=chosen.kind,
        positive=chosen.positive,
    )
    if refused:
        # problems were found column by column
        refused.sort(key=lambda each: each.row or 0)
        raise DataError(refused[:1000], len(refused))
    return made


def _as_table(source: Any) -> pa.Table:
    opened = OpenTable.of(source)
    columns = {}
    for name in opened.names:
        values = opened.column(name)
        is_arrow = isinstance(values, pa.Array | pa.ChunkedArray)
        if not is_arrow and hasattr(values, "to_arrow"):
            values, is_arrow = values.to_arrow(), True
        columns[name] = values if is_arrow else _column_of(values, name)
    return pa.table(columns)


def _column_of(values: Any, name: str) -> pa.Array:
    try:
        # pandas' NaN, None and NaT are null
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        made = as_column(list(values), "other", False)
    if made.refused:
        raise DataError([Refusal(row, name, reason) for row, reason in made.refused])
    return made.values


def _key_type(folder: EncodedFolder, name: str) -> pa.DataType:
    if not folder.manifest.shards:
        return pa.null()
    return folder.table(0).schema.field(name).type


def _find_columns(there: list[str], schema: Schema, headers: Mapping[str, str]) -> dict[str, str]:
    """The header of each role and of each column of the key."""
    known = [*schema.entity, *ROLES]
    for name in headers:
        if name not in known:
            raise LookupFailedError("column of a label table", name, known)
    found, missing = {}, []
    for name in schema.entity:
        header = headers.get(name, name)
        (found.update({name: header}) if header in there else missing.append(header))
    for role in ROLES:
        if role in headers:
            # an empty header says that there is no such column
            if headers[role]:
                (found.update({role: headers[role]}) if headers[role] in there else missing.append(headers[role]))
            continue
        defaults = [*DEFAULT_HEADERS[role], *([schema.time] if role == "date" and schema.time else [])]
        first = next((name for name in defaults if name in there and name not in found.values()), None)
        if first is not None:
            found[role] = first
    if missing:
        raise LookupFailedError(
            "column", missing[0], there, f"if it has another header, map it: {_as_option(f'{missing[0]}=HEADER')}"
        )
    others = [name for name in there if name not in found.values()]
    # the only column that has no role yet
    if "target" not in found and "target" not in headers and len(others) == 1:
        found["target"] = others[0]
    return found


def _read_key(column: pa.Array, header: str, kind: pa.DataType, refused: list[Refusal]) -> pa.Array:
    made = cast_keys(column, kind)
    refused += [Refusal(row, header, reason) for row, reason in made.refused]
    bad = {row for row, _ in made.refused}
    nulls = np.flatnonzero(np.asarray(made.values.is_null()))
    refused += [Refusal(row, header, "the entity key is null") for row in nulls.tolist() if row not in bad]
    return to_plain(made.values)


def _time_forms(schema: Schema, reader: Mapping[str, Any] | None) -> list[TimeForm]:
    """The forms that a date may have: ISO 8601, that of the schema's time, and that of the raw files'."""
    forms = [ISO]
    if schema.time is not None:
        forms.append(schema.time_form(schema.time))
        columns = () if reader is None else from_dict(Reader, dict(reader)).settled
        forms += [column.time_form for column in columns if column.name == schema.time]
    return list(dict.fromkeys(forms))


def _refuse_idle_dates(table: pa.Table, columns: Mapping[str, str], schema: Schema, forms: Iterable[TimeForm]) -> None:
    """Raise `DataError` if a column of dates has no role: its rows would know what came after their dates."""
    used = {name for role, name in columns.items() if role != "target"}
    for name in table.column_names:
        if name in used or not _holds_dates(to_plain(table[name].slice(0, PROBED)), schema.zone, forms):
            continue
        reason = (
            "holds dates, but no column is the date of the rows, so that each row would know all events of its "
            f"entity, later ones too; {_as_option(f'date={name}')} makes it the date, and --column date= says that "
            "rows have none"
        )
        raise DataError([Refusal(None, name, reason)])


def _as_option(text: str) -> str:
    return f"--column {quote(text)}"


def _holds_dates(column: pa.Array, zone: str, forms: Iterable[TimeForm]) -> bool:
    values = column.drop_null()
    if not len(values):
        return False
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        return True
    # 2024 is a date too, and more often a number
    if not is_text(values.type) or read_numbers(values) is not None:
        return False
    return any(not to_microseconds(values, zone, form).refused for form in forms)


def _read_times(
    table: pa.Table, header: str | None, schema: Schema, forms: Iterable[TimeForm], refused: list[Refusal]
) -> NDArray[np.int64]:
    if header is None:
        return np.full(table.num_rows, END)
    if schema.time is None:
        reason = "the streams have no times, so that labels of them have no dates; leave the column out: --column date="
        raise DataError([Refusal(None, header, reason)])
    column = to_plain(table[header])
    # the first form that reads all dates; if none does, the problems are those of the form that reads most
    tried: list[Prepared] = []
    for form in forms:
        made = to_microseconds(column, schema.zone, form)
        tried.append(made)
        if not made.refused:
            break
    else:
        made = min(tried, key=lambda each: len(each.refused))
        refused += [Refusal(row, header, reason) for row, reason in made.refused]
    return np.asarray(pc.fill_null(made.values.cast(pa.int64()), END))


def _parse_setting(name: str, text: str, zone: str) -> int:
    made = to_microseconds(pa.array([text]), zone)
    if made.refused:
        raise SchemaError([Problem(name, made.refused[0][1])], "the reading of labels")
    return int(made.values.cast(pa.int64())[0].as_py())


def _read_splits(
    table: pa.Table,
    header: str | None,
    times: NDArray[np.int64],
    zone: str,
    settings: LabelSettings,
    refused: list[Refusal],
) -> NDArray[np.int8]:
    """(rows,) by the dates of the settings if they give some, otherwise by the column of the file; -1 without both."""
    cuts = {"validation_from": settings.validation_from, "test_from": settings.test_from}
    given = {name: _parse_setting(name, text, zone) for name, text in cuts.items() if text is not None}
    if given:
        last = given.get("test_from", END)
        first = given.get("validation_from", last)
        if first > last:
            raise SchemaError([Problem("validation_from", "is later than test_from")], "the reading of labels")
        # "right": a row at a date is of the later split
        return np.searchsorted(np.array([first, last]), times, side="right").astype(np.int8)
    if header is None:
        return np.full(table.num_rows, -1, np.int8)
    column = to_plain(table[header])
    distinct = pc.unique(column)
    codes = np.empty(len(distinct), np.int8)  # (distinct,) -1 null, -2 not a split
    unknown = {}
    for place, value in enumerate(distinct):
        text = None if value.as_py() is None else str(value.as_py()).strip().lower()
        codes[place] = -1 if text is None else SPLIT_NAMES.get(text, -2)
        if codes[place] == -2:
            unknown[place] = show_value(value)
    places = np.asarray(pc.index_in(column, value_set=distinct))
    for place, shown in unknown.items():
        row = int(np.argmax(places == place))  # the first row with it
        reason = f"{shown} is not a split; the splits are train, validation and test"
        refused.append(Refusal(row, header, reason))
    found: NDArray[np.int8] = codes[places]
    return found


def _read_weights(table: pa.Table, header: str | None, refused: list[Refusal]) -> NDArray[np.float64]:
    if header is None:
        return np.ones(table.num_rows)
    column = to_plain(table[header])
    hint = "if the column holds something else, leave it out: --column weight="
    try:
        # a row without a weight counts like any other
        weights = np.asarray(pc.fill_null(column.cast(pa.float64()), 1.0), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError([Refusal(None, header, f"expected numbers as weights, got {column.type}; {hint}")]) from None
    refused += [
        Refusal(row, header, f"expected a weight of at least 0, got {weights[row]}; {hint}")
        for row in np.flatnonzero(~np.isfinite(weights) | (weights < 0)).tolist()
    ]
    return weights
