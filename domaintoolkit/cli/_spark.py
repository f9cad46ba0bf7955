"""Spark for the command line: a session, and files as a DataFrame."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli._given import Given, header_pairs
from domaintoolkit.errors import DomainToolkitError, MissingExtraError, SourceError

if TYPE_CHECKING:
    from domaintoolkit.schema import Domain, Reader

__all__ = ["open_frame", "spark_session"]

PYTHON_ERROR = re.compile(r"[\w.]+(?:Error|Exception): (?!An error occurred)")


@contextmanager
def spark_session(master: str | None) -> Iterator[Any]:
    """A Spark session that ends with the block. What fails in Spark is told in one line; its log has the rest."""
    if importlib.util.find_spec("pyspark") is None:
        raise MissingExtraError("pyspark", "spark")
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("domaintoolkit").config("spark.ui.showConsoleProgress", "false")
    if master is not None:
        builder = builder.master(master)
        if master.startswith("local"):
            # a local worker runs in this environment, not in whatever python3 the path finds
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        session = builder.getOrCreate()
    except (PySparkException, Py4JError) as error:
        raise DomainToolkitError(f"Spark does not start: {_cause(error)}") from None
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    except (PySparkException, Py4JError) as error:
        raise DomainToolkitError(f"Spark failed: {_cause(error)}") from None
    finally:
        session.stop()


def _cause(error: Exception) -> str:
    """The line of a Python error within a Java trace, or the first line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if PYTHON_ERROR.match(line)]
    return causes[-1] if causes else lines[0] if lines else type(error).__name__


def open_frame(session: Any, given: Given, domain: Domain) -> tuple[Any, Reader]:
    """Parquet files or folders as a DataFrame in the domain's columns, and how they are read."""
    from pyspark.errors import PySparkException

    from domaintoolkit.streams import with_headers

    if not given.files:
        raise click.UsageError("name the Parquet FILES to read; the sample is for the local engine")
    reader = with_headers(domain.reader, header_pairs(given.headers))
    listed = ", ".join(given.files)
    try:
        frame = session.read.parquet(*given.files)
    except PySparkException as error:
        raise SourceError(listed, str(error).partition("\n")[0]) from None
    headers = {column.name: column.header for column in reader.columns}
    missing = [headers[name] for name in domain.schema.columns if headers[name] not in frame.columns]
    needed = [header for header in missing if header not in domain.schema.labels]
    if needed:
        raise SourceError(listed, f"lacks the columns {', '.join(needed)}; there is: {', '.join(frame.columns)}")
    names = [name for name in domain.schema.columns if headers[name] not in missing]
    return frame.select(*(frame[headers[name]].alias(name) for name in names)), reader
