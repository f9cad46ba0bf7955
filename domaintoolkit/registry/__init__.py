"""Plugins: the hooks that they implement, their discovery, and the failures."""

from domaintoolkit.registry.catalog import Catalog, Encoders, get_domain, get_encoder, list_domains, list_encoders
from domaintoolkit.registry.hooks import RegisteredEncoder, hookimpl
from domaintoolkit.registry.manager import Manager, build_manager
from domaintoolkit.registry.plugin import Failure, Plugin

__all__ = [
    "Catalog",
    "Encoders",
    "Failure",
    "Manager",
    "Plugin",
    "RegisteredEncoder",
    "build_manager",
    "get_domain",
    "get_encoder",
    "hookimpl",
    "list_domains",
    "list_encoders",
]
