"""The encoder of each field: built-in ones by their type, others by the name that a plugin gave them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from domaintoolkit.encoders import CATEGORICAL, GROUPED_NUMERIC, NUMERIC, TEXT, TIMESTAMP, EncoderType
from domaintoolkit.schema import Custom, Numeric, Schema

__all__ = ["BUILT_IN", "encoder_types"]

BUILT_IN = {kind.name: kind for kind in (CATEGORICAL, NUMERIC, TIMESTAMP, TEXT)}


def encoder_types(schema: Schema, extra: Iterable[EncoderType] = ()) -> Mapping[str, EncoderType]:
    """The encoder of every field, by the field's name.

    `extra` are encoders in addition to those of installed plugins. Raises `LookupFailedError` for a name that is
    not registered.
    """
    given = {kind.name: kind for kind in extra}
    found = {}
    for spec in (*schema.static, *schema.fields):
        if isinstance(spec, Numeric) and spec.by is not None:
            found[spec.name] = GROUPED_NUMERIC
        elif not isinstance(spec, Custom):
            found[spec.name] = BUILT_IN[spec.type]
        elif spec.encoder in given:
            found[spec.name] = given[spec.encoder]
        else:
            found[spec.name] = _load_installed(spec.encoder)
    return found


def _load_installed(name: str) -> EncoderType:
    """The encoder of a plugin; plugins are loaded only for a schema that needs one."""
    from domaintoolkit.registry import get_encoder

    return cast("EncoderType", get_encoder(name))
