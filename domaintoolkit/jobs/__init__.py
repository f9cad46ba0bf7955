"""Jobs over whole tables: fit, encode, append, decode, export, verify and drift, on this machine or on Spark."""

from domaintoolkit.jobs.appending.job import append
from domaintoolkit.jobs.decoding import decode, decode_rows
from domaintoolkit.jobs.drift import Change, Drift, FieldDrift, NewValue, PartDrift, drift
from domaintoolkit.jobs.encoding import encode
from domaintoolkit.jobs.export import count_segmented, export_streams
from domaintoolkit.jobs.fitting import FitResult, extend, fit
from domaintoolkit.jobs.progress import Progress
from domaintoolkit.jobs.result import EncodeResult
from domaintoolkit.jobs.spark.job import encode_spark, fit_spark, spark_refused, spark_streams
from domaintoolkit.jobs.spark.source import SparkSource, open_spark
from domaintoolkit.jobs.table_writing import write_rows
from domaintoolkit.jobs.verification import VerifyResult, verify

__all__ = [
    "Change",
    "Drift",
    "EncodeResult",
    "FieldDrift",
    "FitResult",
    "NewValue",
    "PartDrift",
    "Progress",
    "SparkSource",
    "VerifyResult",
    "append",
    "count_segmented",
    "decode",
    "decode_rows",
    "drift",
    "encode",
    "encode_spark",
    "export_streams",
    "extend",
    "fit",
    "fit_spark",
    "open_spark",
    "spark_refused",
    "spark_streams",
    "verify",
    "write_rows",
]
