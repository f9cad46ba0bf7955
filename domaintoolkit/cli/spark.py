"""Spark for the command line: a session, and files as Spark rows."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.row_options import RowOptions, parse_headers
from domaintoolkit.errors import DomainToolkitError, MissingExtraError

if TYPE_CHECKING:
    from domaintoolkit.jobs import SparkSource
    from domaintoolkit.schema import Domain

__all__ = ["open_rows", "spark_session"]

PYTHON_ERROR = re.compile(r"[\w.]+(?:Error|Exception): (?!An error occurred)")


@contextmanager
def spark_session(master: str | None) -> Iterator[Any]:
    """A Spark session that ends with the block. A failure in Spark raises an error of one line; Spark logs the rest."""
    if importlib.util.find_spec("pyspark") is None:
        raise MissingExtraError("pyspark", "spark")
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    # harmless here, and the user of a command cannot act on it
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    builder = SparkSession.builder.appName("domaintoolkit").config("spark.ui.showConsoleProgress", "false")
    if master is not None:
        builder = builder.master(master)
        if master.startswith("local"):
            # a local worker must run in this environment, not in any python3 that is on the path
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # py4j logs a traceback when Ctrl-C breaks off a request to Spark
    logging.getLogger().addFilter(lambda record: "while sending command" not in record.getMessage())
    try:
        session = builder.getOrCreate()
    except (PySparkException, Py4JError) as error:
        raise DomainToolkitError(f"Spark does not start: {_find_cause(error)}") from None
    if threading.current_thread() is threading.main_thread():
        # Spark's own handler of Ctrl-C cancels the jobs in the middle of another request, which fails
        signal.signal(signal.SIGINT, signal.default_int_handler)
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    except KeyboardInterrupt:
        with suppress(PySparkException, Py4JError, OSError):
            session.sparkContext.setLogLevel("OFF")  # the errors of cancelled jobs tell the user nothing
        raise
    except (PySparkException, Py4JError) as error:
        raise DomainToolkitError(f"Spark failed: {_find_cause(error)}") from None
    finally:
        session.stop()


def _find_cause(error: Exception) -> str:
    """The line of a Python error inside a Java trace, or the first line of the message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if PYTHON_ERROR.match(line)]
    return causes[-1] if causes else lines[0] if lines else type(error).__name__


def open_rows(session: Any, rows: RowOptions, domain: Domain) -> SparkSource:
    """The FILES as Spark rows with the domain's columns."""
    from domaintoolkit.jobs import open_spark
    from domaintoolkit.reading import with_headers

    if not rows.files:
        raise click.UsageError("give the FILES to read; only the local engine reads the sample")
    return open_spark(session, rows.files, with_headers(domain.reader, parse_headers(rows.headers)))
