"""The rows that a command reads: FILES or a domain's sample, and the options that describe them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from domaintoolkit.cli.pipes import is_pipe, keep_input

if TYPE_CHECKING:
    from domaintoolkit.reading import SampleSource, Source
    from domaintoolkit.schema import Domain, Reader, Schema
    from domaintoolkit.storage import EncodedFolder

__all__ = ["RowOptions", "parse_headers"]


KEY_TYPES: Mapping[str, Literal["int64", "float64", "bool", "date"]] = {
    **{f"{sign}int{bits}": "int64" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "float": "float64",
    "double": "float64",
    "bool": "bool",
    "date32[day]": "date",
}
"""The reader's type for each Arrow type of a key column in a folder; all other types are read as text."""

NO_ROWS = "give the FILES to read, or --domain NAME for its sample"


@dataclass(frozen=True, slots=True)
class RowOptions:
    """FILES, and the options that describe their rows."""

    domain_name: str | None
    schema_file: Path | None
    headers: tuple[str, ...]
    files: tuple[str, ...]
    events: int | None = None
    seed: int | None = None
    delimiter: str | None = None
    composites: int | None = None
    """The number of composites to learn, if it is not the one that the schema declares."""

    @property
    def name(self) -> str:
        """The name of the domain or of the schema file, for outputs that the user did not name."""
        if self.domain_name is not None:
            return self.domain_name
        return "table" if self.schema_file is None or is_pipe(self.schema_file) else self.schema_file.stem

    def check(self) -> None:
        """Raise `click.UsageError` for options that contradict each other."""
        if self.domain_name is not None and self.schema_file is not None:
            raise click.UsageError("give either --domain NAME or --schema FILE, not both")
        if self.files and (self.events is not None or self.seed is not None):
            raise click.UsageError("--events and --seed apply only to the sample; drop them or FILES")
        if self.headers and not self.files:
            raise click.UsageError("--column applies to the headers of files; there are no FILES")
        if self.files.count("-") > 1:
            raise click.UsageError("standard input can be read once, so give - once")
        if self.delimiter is not None and not self.files:
            raise click.UsageError("--delimiter applies to CSV files; there are no FILES")

    @property
    def has_schema(self) -> bool:
        """True if the user gave --domain or --schema."""
        return self.domain_name is not None or self.schema_file is not None

    def load_domain(self) -> Domain:
        """The domain that the user named or declared, with the requested number of composites."""
        from domaintoolkit.schema import Composite

        domain = self._load_domain()
        if self.composites is None:
            return domain
        declared = domain.schema.composite or Composite()
        composite = replace(declared, vocabulary_size=self.composites) if self.composites else None
        return replace(domain, schema=replace(domain.schema, composite=composite))

    def _load_domain(self) -> Domain:
        if self.schema_file is not None:
            from domaintoolkit.reading import domain_from_toml

            return domain_from_toml(keep_input(self.schema_file))
        if self.domain_name is None:
            raise click.UsageError("give --domain NAME or --schema FILE; `domaintoolkit domains` lists the domains")
        from domaintoolkit.registry import get_domain

        return get_domain(self.domain_name)

    def open_for_domain(self, domain: Domain) -> Source | SampleSource:
        """The files as the domain reads them; without files, the domain's sample."""
        if self.files:
            return self._open_files(domain.reader)
        if self.domain_name is None:
            raise click.UsageError("give the FILES to read; only an installed domain has a sample")
        from domaintoolkit.reading import sample_source

        return sample_source(domain, self.events, self.seed or 0)

    def open_for_schema(self, schema: Schema) -> Source | SampleSource:
        """The rows for a tokenizer's schema; a usage error if the user named another schema."""
        if self.has_schema:
            domain = self.load_domain()
            # composites are a layer on top of the base tokens, so the schemas may differ in them
            if replace(domain.schema, composite=None) != replace(schema, composite=None):
                raise click.UsageError(f"the tokenizer was fitted for another schema than {self.name!r}")
            return self.open_for_domain(domain)
        if not self.files:
            raise click.UsageError(NO_ROWS)
        from domaintoolkit.reading import inferred_reader

        return self._open_files(inferred_reader(schema))

    def open_for_folder(self, folder: EncodedFolder) -> Source | SampleSource:
        """The rows for an encoded folder, read as its own input was unless the user named a domain or schema."""
        from domaintoolkit.schema import Reader, Schema, from_dict

        manifest = folder.manifest
        schema = from_dict(Schema, manifest.schema)
        if self.has_schema:
            return self.open_for_schema(schema)
        if not self.files:
            raise click.UsageError(NO_ROWS)
        known = None if manifest.reader is None else from_dict(Reader, manifest.reader)
        return self._open_files(known or _infer_reader(schema, manifest.columns))

    def _open_files(self, reader: Reader) -> Source:
        """The files, read by `reader` with the changes of --column and --delimiter."""
        from domaintoolkit.reading import open_source, with_headers

        layout = with_headers(reader, parse_headers(self.headers))
        files = [str(keep_input(Path(file))) for file in self.files]
        return open_source(files, layout if self.delimiter is None else replace(layout, delimiter=self.delimiter))


def _infer_reader(schema: Schema, types: Mapping[str, str]) -> Reader:
    """A reader for files of unknown layout, with the key columns in the types that the folder has."""
    from domaintoolkit.reading import inferred_reader

    reader = inferred_reader(schema)
    columns = [
        replace(column, type=KEY_TYPES.get(types[column.name], column.type)) if column.name in schema.entity else column
        for column in reader.columns
    ]
    return replace(reader, columns=tuple(columns))


def parse_headers(headers: tuple[str, ...]) -> dict[str, str]:
    """The header of each column, from texts of the form NAME=HEADER."""
    pairs: dict[str, str] = {}
    for text in headers:
        name, equals, header = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--column takes NAME=HEADER, got {text!r}")
        if name in pairs:
            raise click.UsageError(f"--column names {name!r} twice")
        pairs[name] = header
    return pairs
