"""Where the work runs: on this machine in bounded memory, or on Spark, with the same bytes out."""

from domaintoolkit.engines._append import append
from domaintoolkit.engines._decode import decode, decoded_rows
from domaintoolkit.engines._drift import Drift, FieldDrift, drift
from domaintoolkit.engines._encode import encode
from domaintoolkit.engines._fit import FitResult, extend, fit
from domaintoolkit.engines._progress import Progress
from domaintoolkit.engines._result import EncodeResult
from domaintoolkit.engines._segmented import export_streams, segmented_tokens
from domaintoolkit.engines._spark import encode_spark, fit_spark, spark_refused, spark_streams
from domaintoolkit.engines._spark_source import SparkSource, open_spark
from domaintoolkit.engines._verify import VerifyResult, verify
from domaintoolkit.engines._write import write_rows

__all__ = [
    "Drift",
    "EncodeResult",
    "FieldDrift",
    "FitResult",
    "Progress",
    "SparkSource",
    "VerifyResult",
    "append",
    "decode",
    "decoded_rows",
    "drift",
    "encode",
    "encode_spark",
    "export_streams",
    "extend",
    "fit",
    "fit_spark",
    "open_spark",
    "segmented_tokens",
    "spark_refused",
    "spark_streams",
    "verify",
    "write_rows",
]
