"""Raw files in, token streams on disk: readers, grouping by entity, shards, packing into blocks."""

from domaintoolkit.streams._read_files import Fingerprint, SourceFile, find_files, fingerprint
from domaintoolkit.streams._read_header import with_headers
from domaintoolkit.streams._read_refused import Quarantine, RefusedRow, RefusedRows
from domaintoolkit.streams._read_source import Batch, ReadCounts, Source, open_source

__all__ = [
    "Batch",
    "Fingerprint",
    "Quarantine",
    "ReadCounts",
    "RefusedRow",
    "RefusedRows",
    "Source",
    "SourceFile",
    "find_files",
    "fingerprint",
    "open_source",
    "with_headers",
]
