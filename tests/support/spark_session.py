"""Spark for tests: the mark of tests that need it."""

from __future__ import annotations

import importlib.util
import shutil

import pytest

__all__ = ["needs_spark"]

SPARK = importlib.util.find_spec("pyspark") is not None and shutil.which("java") is not None
needs_spark = pytest.mark.skipif(not SPARK, reason="needs pyspark and Java 17")
