"""Tables of events into token streams, and compact transformers pre-trained on them.

Names are loaded when they are first used, so that importing the package is quick and needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from domaintoolkit._lazy import lazy

if TYPE_CHECKING:
    from domaintoolkit.encoders import Cells, Encoded, Encoder, EncoderType, Prepared, Slot, State
    from domaintoolkit.errors import (
        ArtifactError,
        DataError,
        DecodeError,
        DomainToolkitError,
        LookupFailedError,
        MissingExtraError,
        NewerVersionError,
        NotFittedError,
        OutputError,
        PluginError,
        Problem,
        Refusal,
        SchemaError,
        SourceError,
        VocabularyError,
        VocabularyMismatchError,
    )
    from domaintoolkit.registry import get_domain, hookimpl, list_domains
    from domaintoolkit.schema import (
        Categorical,
        Column,
        Composite,
        Custom,
        Domain,
        Numeric,
        Reader,
        Schema,
        Text,
        Timestamp,
    )
    from domaintoolkit.streams import Counts, Streams
    from domaintoolkit.tokenizer import DomainTokenizer
    from domaintoolkit.vocabulary import Grammar, Token, Vocabulary

_HOMES = {
    "encoders": ("Cells", "Encoded", "Encoder", "EncoderType", "Prepared", "Slot", "State"),
    "errors": (
        "ArtifactError", "DataError", "DecodeError", "DomainToolkitError", "LookupFailedError", "MissingExtraError",
        "NewerVersionError", "NotFittedError", "OutputError", "PluginError", "Problem", "Refusal", "SchemaError",
        "SourceError", "VocabularyError", "VocabularyMismatchError",
    ),
    "registry": ("get_domain", "hookimpl", "list_domains"),
    "schema": (
        "Categorical", "Column", "Composite", "Custom", "Domain", "Numeric", "Reader", "Schema", "Text", "Timestamp",
    ),
    "streams": ("Counts", "Streams"),
    "tokenizer": ("DomainTokenizer",),
    "vocabulary": ("Grammar", "Token", "Vocabulary"),
}  # fmt: skip

__version__ = "0.1.0"

__all__ = [
    "ArtifactError",
    "Categorical",
    "Cells",
    "Column",
    "Composite",
    "Counts",
    "Custom",
    "DataError",
    "DecodeError",
    "Domain",
    "DomainTokenizer",
    "DomainToolkitError",
    "Encoded",
    "Encoder",
    "EncoderType",
    "Grammar",
    "LookupFailedError",
    "MissingExtraError",
    "NewerVersionError",
    "NotFittedError",
    "Numeric",
    "OutputError",
    "PluginError",
    "Prepared",
    "Problem",
    "Reader",
    "Refusal",
    "Schema",
    "SchemaError",
    "Slot",
    "SourceError",
    "State",
    "Streams",
    "Text",
    "Timestamp",
    "Token",
    "Vocabulary",
    "VocabularyError",
    "VocabularyMismatchError",
    "__version__",
    "get_domain",
    "hookimpl",
    "list_domains",
]


__getattr__, __dir__ = lazy(__name__, _HOMES, __all__)
