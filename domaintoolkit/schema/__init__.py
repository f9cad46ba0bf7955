"""Declarations: what a domain's events look like, as frozen, validated data."""

from domaintoolkit.schema._convert import from_dict, from_toml, from_toml_text, json_schema, read_toml, to_dict, to_toml
from domaintoolkit.schema._domain import Domain, Sample
from domaintoolkit.schema._fields import Categorical, Composite, Custom, FieldSpec, Numeric, Part, Text, Timestamp
from domaintoolkit.schema._reader import Column, Reader
from domaintoolkit.schema._schema import Schema

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
