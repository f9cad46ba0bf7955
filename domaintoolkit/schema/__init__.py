"""Declarations of a domain's events, as frozen, validated data."""

from domaintoolkit.schema.convert import from_dict, from_toml, from_toml_text, json_schema, read_toml, to_dict, to_toml
from domaintoolkit.schema.domain import Domain, Sample
from domaintoolkit.schema.fields import Categorical, Composite, Custom, FieldSpec, Numeric, Part, Text, Timestamp
from domaintoolkit.schema.reader import Column, Reader
from domaintoolkit.schema.schema import Schema
from domaintoolkit.schema.split import Split

__all__ = [
    "Categorical",
    "Column",
    "Composite",
    "Custom",
    "Domain",
    "FieldSpec",
    "Numeric",
    "Part",
    "Reader",
    "Sample",
    "Schema",
    "Split",
    "Text",
    "Timestamp",
    "from_dict",
    "from_toml",
    "from_toml_text",
    "json_schema",
    "read_toml",
    "to_dict",
    "to_toml",
]
