"""The installed domains and encoders by name, and the plugins that failed to load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domaintoolkit.errors import LookupFailedError
from domaintoolkit.registry.collection import Answers, collect
from domaintoolkit.registry.hooks import RegisteredEncoder
from domaintoolkit.registry.manager import Manager, build_manager
from domaintoolkit.registry.plugin import Failure, Plugin
from domaintoolkit.schema import Domain

__all__ = ["Catalog", "Encoders", "get_domain", "get_encoder", "list_domains", "list_encoders"]


@dataclass(frozen=True, slots=True, repr=False)
class Catalog:
    """All domains by name, sorted; the plugin of each; and the failures."""

    domains: Mapping[str, Domain]
    owners: Mapping[str, Plugin]
    failures: tuple[Failure, ...]

    def __repr__(self) -> str:
        return f"<Catalog of {', '.join(self.domains) or 'no domains'}; plugins that failed: {len(self.failures)}>"


@dataclass(frozen=True, slots=True, repr=False)
class Encoders:
    """All encoders of plugins by name, sorted; the plugin of each; and the failures."""

    encoders: Mapping[str, RegisteredEncoder]
    owners: Mapping[str, Plugin]
    failures: tuple[Failure, ...]

    def __repr__(self) -> str:
        return f"<Encoders {', '.join(self.encoders) or 'none'}; plugins that failed: {len(self.failures)}>"


def list_domains(manager: Manager | None = None) -> Catalog:
    """The domains of `manager`, by default of all installed plugins."""
    manager = manager or build_manager(entry_points=True)
    answers: Answers[Domain] = collect(
        manager, "domaintoolkit_domains", "domain", _check_domain, lambda domain: domain.name
    )
    return Catalog(answers.values, answers.owners, tuple(answers.failures))


def list_encoders(manager: Manager | None = None) -> Encoders:
    """The encoders of `manager`, by default of all installed plugins."""
    manager = manager or build_manager(entry_points=True)
    answers: Answers[RegisteredEncoder] = collect(
        manager, "domaintoolkit_encoders", "encoder", _check_encoder, lambda found: found.name
    )
    return Encoders(answers.values, answers.owners, tuple(answers.failures))


def get_domain(name: str, manager: Manager | None = None) -> Domain:
    """The domain called `name`.

    Raises `PluginError` if its plugin is broken or if two plugins claim it, and `LookupFailedError`, which lists
    the available domains and the plugins that failed, if it does not exist.
    """
    catalog = list_domains(manager)
    if name in catalog.domains:
        return catalog.domains[name]
    raise _lookup_error("domain", name, catalog.domains, catalog.failures)


def get_encoder(name: str, manager: Manager | None = None) -> RegisteredEncoder:
    """The encoder that a plugin registered as `name`; raises as `get_domain` does."""
    found = list_encoders(manager)
    if name in found.encoders:
        return found.encoders[name]
    raise _lookup_error("encoder", name, found.encoders, found.failures)


def _lookup_error(what: str, name: str, available: Iterable[str], failures: tuple[Failure, ...]) -> Exception:
    # a name that a broken plugin would have had is not unknown: its error says more
    for failure in failures:
        if name in (*failure.names, failure.plugin.name):
            return failure.error
    note = "".join(f"\n  {failure}" for failure in failures)
    return LookupFailedError(what, name, available, f"plugins that failed:{note}" if failures else "")


def _check_domain(value: object) -> Domain:
    if not isinstance(value, Domain):
        raise TypeError(f"expected a domaintoolkit.schema.Domain, got {value!r}")
    return value


def _check_encoder(value: object) -> RegisteredEncoder:
    if (
        not isinstance(value, RegisteredEncoder)
        or not isinstance(value.name, str)
        or not value.name
        or not isinstance(value.state, type)
        or not isinstance(value.encoder, type)
    ):
        raise TypeError(f"expected a domaintoolkit.encoders.EncoderType, got {value!r}")
    return value
