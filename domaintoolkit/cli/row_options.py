"""What a user has said about the rows to read, and what that stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from domaintoolkit.reading import SampleSource, Source
    from domaintoolkit.schema import Domain, Reader, Schema
    from domaintoolkit.storage import EncodedFolder

__all__ = ["Given", "header_pairs"]


KEY_TYPES: Mapping[str, Literal["int64", "float64", "bool", "date"]] = {
    **{f"{sign}int{bits}": "int64" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "float": "float64",
    "double": "float64",
    "bool": "bool",
    "date32[day]": "date",
}


@dataclass(frozen=True, slots=True)
class Given:
    """FILES, and the options that say what their rows look like."""

    domain_name: str | None
    schema_file: Path | None
    headers: tuple[str, ...]
    files: tuple[str, ...]
    events: int | None = None
    seed: int | None = None
    delimiter: str | None = None
    composites: int | None = None
    """How many to learn, where the schema's own declaration is not meant."""

    @property
    def name(self) -> str:
        """What an output is called after, where the user has not said."""
        if self.domain_name is not None:
            return self.domain_name
        return "table" if self.schema_file is None else self.schema_file.stem

    def check(self) -> None:
        """Options that contradict each other, told before any work."""
        if self.domain_name is not None and self.schema_file is not None:
            raise click.UsageError("give either --domain NAME or --schema FILE, not both")
        if self.files and (self.events is not None or self.seed is not None):
            raise click.UsageError("--events and --seed are of a domain's sample, and there are FILES")
        if self.headers and not self.files:
            raise click.UsageError("--column says what a header of your file is called, and there are no FILES")
        if self.delimiter is not None and not self.files:
            raise click.UsageError("--delimiter says what parts the columns of your file, and there are no FILES")

    @property
    def named(self) -> bool:
        """Whether the user has said what the rows look like."""
        return self.domain_name is not None or self.schema_file is not None

    def domain(self) -> Domain:
        """The domain that is named or declared, with the composites that are wanted."""
        from domaintoolkit.schema import Composite

        domain = self._domain()
        if self.composites is None:
            return domain
        declared = domain.schema.composite or Composite()
        composite = replace(declared, vocabulary_size=self.composites) if self.composites else None
        return replace(domain, schema=replace(domain.schema, composite=composite))

    def _domain(self) -> Domain:
        if self.schema_file is not None:
            from domaintoolkit.reading import domain_from_toml

            return domain_from_toml(self.schema_file)
        if self.domain_name is None:
            raise click.UsageError("give --domain NAME or --schema FILE; `domaintoolkit domains` lists the domains")
        from domaintoolkit.registry import get_domain

        return get_domain(self.domain_name)

    def source(self, domain: Domain) -> Source | SampleSource:
        """The files, or the domain's own sample where there are none, ready to be read."""
        if self.files:
            return self.opened(domain.reader)
        if self.domain_name is None:
            raise click.UsageError("name the FILES to read; only an installed domain has a sample")
        from domaintoolkit.reading import sample_source

        return sample_source(domain, self.events, self.seed or 0)

    def source_for(self, schema: Schema) -> Source | SampleSource:
        """The rows to use with a schema that is fixed: a usage error where the domain has another."""
        if self.named:
            domain = self.domain()
            # composites are another layer over the same base tokens
            if replace(domain.schema, composite=None) != replace(schema, composite=None):
                raise click.UsageError(f"the tokenizer was fitted for another schema than that of {self.name!r}")
            return self.source(domain)
        if not self.files:
            raise click.UsageError("name the FILES to read, or the --domain whose sample is meant")
        from domaintoolkit.reading import inferred_reader

        return self.opened(inferred_reader(schema))

    def source_of(self, folder: EncodedFolder) -> Source | SampleSource:
        """Rows laid out as those that a folder was made of, unless another domain or schema file is named."""
        from domaintoolkit.schema import Reader, Schema, from_dict

        manifest = folder.manifest
        schema = from_dict(Schema, manifest.schema)
        if self.named:
            return self.source_for(schema)
        if not self.files:
            raise click.UsageError("name the FILES to read, or the --domain whose sample is meant")
        known = None if manifest.reader is None else from_dict(Reader, manifest.reader)
        return self.opened(known or _reader_for(schema, manifest.columns))

    def opened(self, reader: Reader) -> Source:
        """The files, read as a reader says, but for --column and --delimiter."""
        from domaintoolkit.reading import open_source, with_headers

        layout = with_headers(reader, header_pairs(self.headers))
        return open_source(self.files, layout if self.delimiter is None else replace(layout, delimiter=self.delimiter))


def _reader_for(schema: Schema, types: Mapping[str, str]) -> Reader:
    """A reader for rows whose layout is not known, with keys in the types that a folder has them in."""
    from domaintoolkit.reading import inferred_reader

    reader = inferred_reader(schema)
    columns = [
        replace(column, type=KEY_TYPES.get(types[column.name], column.type)) if column.name in schema.entity else column
        for column in reader.columns
    ]
    return replace(reader, columns=tuple(columns))


def header_pairs(headers: tuple[str, ...]) -> dict[str, str]:
    """What each of several NAME=HEADER says."""
    pairs: dict[str, str] = {}
    for text in headers:
        name, equals, header = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--column takes NAME=HEADER, got {text!r}")
        if name in pairs:
            raise click.UsageError(f"--column names {name!r} twice")
        pairs[name] = header
    return pairs
