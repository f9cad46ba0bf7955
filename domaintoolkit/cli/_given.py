"""What a user has said about the rows to read, and what that stands for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from domaintoolkit.schema import Domain
    from domaintoolkit.streams import SampleSource, Source
    from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["Given"]


@dataclass(frozen=True, slots=True)
class Given:
    """FILES, and the options that say what their rows look like."""

    domain_name: str | None
    schema_file: Path | None
    headers: tuple[str, ...]
    files: tuple[str, ...]
    events: int | None = None
    seed: int | None = None

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

    def domain(self, tokenizer: DomainTokenizer | None = None) -> Domain:
        """The domain that is named or declared, or one for the schema of a tokenizer."""
        self.check()
        if self.domain_name is None and self.schema_file is None:
            if tokenizer is None:
                raise click.UsageError("give --domain NAME or --schema FILE; `domaintoolkit domains` lists the domains")
            return _domain_for(tokenizer)
        if self.schema_file is not None:
            from domaintoolkit.streams import domain_from_toml

            return domain_from_toml(self.schema_file)
        from domaintoolkit.registry import get_domain

        assert self.domain_name is not None
        return get_domain(self.domain_name)

    def source(self, domain: Domain) -> Source | SampleSource:
        """The files, or the domain's own sample where there are none, ready to be read."""
        from domaintoolkit.streams import open_source, sample_source, with_headers

        if not self.files:
            if self.domain_name is None:
                raise click.UsageError("name the FILES to read; only an installed domain has a sample")
            return sample_source(domain, self.events, self.seed or 0)
        return open_source(self.files, with_headers(domain.reader, _pairs(self.headers)))


def _domain_for(tokenizer: DomainTokenizer) -> Domain:
    from domaintoolkit.schema import Domain
    from domaintoolkit.streams import inferred_reader

    return Domain("tokenizer", "the schema of a tokenizer", tokenizer.schema, inferred_reader(tokenizer.schema), _none)


def _none(events: int, seed: int) -> Any:
    return ()


def _pairs(headers: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in headers:
        name, equals, header = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--column takes NAME=HEADER, got {text!r}")
        if name in pairs:
            raise click.UsageError(f"--column names {name!r} twice")
        pairs[name] = header
    return pairs
