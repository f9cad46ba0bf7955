"""`Reader`: the declared layout of a domain's raw files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Constraint
from pydantic import field_validator, model_validator

from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.schema.declaration import Flag, Listed, declaration
from domaintoolkit.schema.fields import Zone, check_zone

__all__ = ["Column", "Reader"]


@declaration
class Column:
    """One column of a raw file: its `name` in the schema, its header in the file (`source`) and its type.

    `time_format` is a strptime pattern, such as `%Y-%m-%d %H:%M:%S UTC`; by default, times are ISO 8601. A time
    without a zone is read in `zone`. `null` lists the spellings of null, if they differ from the reader's.
    """

    name: Annotated[str, Constraint(min_length=1)]
    type: Literal["string", "int64", "float64", "bool", "timestamp", "date"] = "string"
    source: str | None = None
    null: Listed[str] | None = None
    time_format: str | None = None
    zone: Zone = "UTC"

    _zone_exists = field_validator("zone")(check_zone)

    @property
    def header(self) -> str:
        """The column's header in the file."""
        return self.name if self.source is None else self.source


@declaration
class Reader:
    """The layout of raw files: format, columns and dialect.

    In CSV, an unquoted cell with a spelling of `null` is null, and a quoted cell (`""`) is text: null and the
    empty text differ. Columns that are not declared here are not read.
    """

    columns: Listed[Column]
    format: Literal["auto", "csv", "parquet", "arrow"] = "auto"
    delimiter: Annotated[str, Constraint(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Constraint(min_length=1, max_length=1)] | None = '"'
    escape: Annotated[str, Constraint(min_length=1, max_length=1)] | None = None
    header: Flag = True
    null: Listed[str] = ("",)
    invalid_text: Literal["refuse", "replace"] = "refuse"

    @model_validator(mode="after")
    def _consistent(self) -> Reader:
        found = []
        for what in ("name", "header"):
            seen: set[str] = set()
            for i, column in enumerate(self.columns):
                word = getattr(column, what)
                if word in seen:
                    found.append(Problem(f"columns[{i}]", f"{what} {word!r} is declared twice"))
                seen.add(word)
        if not self.columns:
            found.append(Problem("columns", "at least one column is required"))
        if found:
            raise SchemaError(found, "reader")
        return self
