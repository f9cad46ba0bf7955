"""Tests for plugin authors: the conformance kit, and strategies that draw schemas and tables. It needs Hypothesis."""

from domaintoolkit.testing.contract_error import ContractError
from domaintoolkit.testing.encoder_contract import check_encoder
from domaintoolkit.testing.kit import CheckResult, check_domain, check_table, run_checks
from domaintoolkit.testing.sample_values import sample_values
from domaintoolkit.testing.strategies import (
    cases,
    edge_texts,
    edge_values,
    instants,
    number_settings,
    schemas,
    tables,
)

__all__ = [
    "CheckResult",
    "ContractError",
    "cases",
    "check_domain",
    "check_encoder",
    "check_table",
    "edge_texts",
    "edge_values",
    "instants",
    "number_settings",
    "run_checks",
    "sample_values",
    "schemas",
    "tables",
]
