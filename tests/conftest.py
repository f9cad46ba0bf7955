"""Hypothesis profiles, and which tests can run on this machine.

HYPOTHESIS_PROFILE chooses the profile: `fast` is the default, `quick` draws 10 examples in place of 24, `thorough`
1,000, and `find` draws examples without shrinking those that fail. `just test-fast` takes `quick`.
"""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings

TESTS = Path(__file__).parent
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("quick", max_examples=10, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("fast", max_examples=24, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("thorough", max_examples=1000, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("find", max_examples=60, deadline=None, suppress_health_check=_SLOW, phases=[Phase.generate])
if "PYTEST_XDIST_WORKER" in os.environ:
    # each process has a core to itself: torch's threads of two processes would wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts what ends in `&` without Ctrl-C, and the tests of Ctrl-C would wait for ever
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that the machine cannot run, and keep in one process those that share something slow to make."""
    spark = [item for item in items if item.get_closest_marker("spark")]
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    for item in items:
        if item in spark:
            item.add_marker(pytest.mark.xdist_group("spark"))  # the session, which starts in 5 s
        elif item.path.is_relative_to(TESTS / "composite"):
            item.add_marker(pytest.mark.xdist_group("composite"))  # the loops, which numba compiles in 40 s
    if spark and not _has_spark():
        skip(spark, "needs pyspark and Java 17")
    if gpu and not _has_gpu():
        skip(gpu, "needs a GPU")


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup() -> None:
    seed_draws()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    seed_draws()


def seed_draws() -> None:
    """Seed the generators that a process has one of, so that no test depends on those that ran before it."""
    random.seed(0)
    np.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


def skip(items: list[pytest.Item], reason: str) -> None:
    for item in items:
        item.add_marker(pytest.mark.skip(reason=reason))


def _has_spark() -> bool:
    return importlib.util.find_spec("pyspark") is not None and shutil.which("java") is not None


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
