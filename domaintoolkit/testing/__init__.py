"""Tests for plugin authors: strategies that draw schemas and tables, and checks of every contract."""

from domaintoolkit.testing.checks import check_domain, check_table
from domaintoolkit.testing.strategies import cases, edge_texts, instants, schemas, tables

__all__ = ["cases", "check_domain", "check_table", "edge_texts", "instants", "schemas", "tables"]
