"""Raw files in, token streams on disk: readers, grouping by entity, shards, packing into blocks."""

from domaintoolkit.streams._domain_file import domain_from_toml, domain_json_schema, inferred_reader
from domaintoolkit.streams._encoded import EncodedFolder, ShardRows, open_encoded
from domaintoolkit.streams._read_files import Fingerprint, SourceFile, find_files, fingerprint
from domaintoolkit.streams._read_header import with_headers
from domaintoolkit.streams._read_refused import Quarantine, RefusedRow, RefusedRows
from domaintoolkit.streams._read_source import Batch, ReadCounts, Source, open_source
from domaintoolkit.streams._sample import read_sample, write_sample
from domaintoolkit.streams._sample_source import SampleSource, sample_source
from domaintoolkit.streams._streams import Counts, Streams, id_type

__all__ = [
    "Batch",
    "Counts",
    "EncodedFolder",
    "Fingerprint",
    "Quarantine",
    "ReadCounts",
    "RefusedRow",
    "RefusedRows",
    "SampleSource",
    "ShardRows",
    "Source",
    "SourceFile",
    "Streams",
    "domain_from_toml",
    "domain_json_schema",
    "find_files",
    "fingerprint",
    "id_type",
    "inferred_reader",
    "open_encoded",
    "open_source",
    "read_sample",
    "sample_source",
    "with_headers",
    "write_sample",
]
