"""Spark for the command line: a session, and files as a DataFrame."""

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

from domaintoolkit.cli.row_options import Given, header_pairs
from domaintoolkit.errors import DomainToolkitError, MissingExtraError

if TYPE_CHECKING:
    from domaintoolkit.jobs import SparkSource
    from domaintoolkit.schema import Domain

__all__ = ["open_rows", "spark_session"]

PYTHON_ERROR = re.compile(r"[\w.]+(?:Error|Exception): (?!An error occurred)")


@contextmanager
def spark_session(master: str | None) -> Iterator[Any]:
    """A Spark session that ends with the block. What fails in Spark is told in one line; its log has the rest."""
    if importlib.util.find_spec("pyspark") is None:
        raise MissingExtraError("pyspark", "spark")
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    # of no consequence here, and nothing that a user of the command could act upon
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    builder = SparkSession.builder.appName("domaintoolkit").config("spark.ui.showConsoleProgress", "false")
    if master is not None:
        builder = builder.master(master)
        if master.startswith("local"):
            # a local worker runs in this environment, not in whatever python3 the path finds
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # of a question that Ctrl-C has broken off, py4j logs a traceback
    logging.getLogger().addFilter(lambda record: "while sending command" not in record.getMessage())
    try:
        session = builder.getOrCreate()
    except (PySparkException, Py4JError) as error:
        raise DomainToolkitError(f"Spark does not start: {_cause(error)}") from None
    if threading.current_thread() is threading.main_thread():
        # Spark's own handler of Ctrl-C asks for the jobs' end in the middle of another question, which fails
        signal.signal(signal.SIGINT, signal.default_int_handler)
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    except KeyboardInterrupt:
        with suppress(PySparkException, Py4JError, OSError):
            session.sparkContext.setLogLevel("OFF")  # of jobs that are ended there is nothing to tell
        raise
    except (PySparkException, Py4JError) as error:
        raise DomainToolkitError(f"Spark failed: {_cause(error)}") from None
    finally:
        session.stop()


def _cause(error: Exception) -> str:
    """The line of a Python error within a Java trace, or the first line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if PYTHON_ERROR.match(line)]
    return causes[-1] if causes else lines[0] if lines else type(error).__name__


def open_rows(session: Any, given: Given, domain: Domain) -> SparkSource:
    """The FILES as Spark's rows in the domain's columns."""
    from domaintoolkit.jobs import open_spark
    from domaintoolkit.reading import with_headers

    if not given.files:
        raise click.UsageError("name the FILES to read; the sample is for the local engine")
    return open_spark(session, given.files, with_headers(domain.reader, header_pairs(given.headers)))
