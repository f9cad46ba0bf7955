"""Raw files into Arrow record batches in a reader's columns and types; no row is lost."""

from domaintoolkit.reading.csv.footers import FOOTER, is_footer
from domaintoolkit.reading.domain_file import domain_from_toml, domain_json_schema, inferred_reader
from domaintoolkit.reading.files import Fingerprint, SourceFile, find_files, fingerprint
from domaintoolkit.reading.headers import with_headers, written_columns
from domaintoolkit.reading.refused_rows import Quarantine, RefusedRow, RefusedRows
from domaintoolkit.reading.sample import read_sample, write_sample
from domaintoolkit.reading.sample_source import SampleSource, sample_source
from domaintoolkit.reading.source import ReadCounts, Source, SourceBatch, open_source

__all__ = [
    "FOOTER",
    "Fingerprint",
    "Quarantine",
    "ReadCounts",
    "RefusedRow",
    "RefusedRows",
    "SampleSource",
    "Source",
    "SourceBatch",
    "SourceFile",
    "domain_from_toml",
    "domain_json_schema",
    "find_files",
    "fingerprint",
    "inferred_reader",
    "is_footer",
    "open_source",
    "read_sample",
    "sample_source",
    "with_headers",
    "write_sample",
    "written_columns",
]
