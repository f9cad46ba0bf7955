"""Loops that stop when they are told to."""

from __future__ import annotations

import _thread
import threading
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from domaintoolkit.composite.interrupt import run_interruptible


def test_results_and_errors_come_back() -> None:
    assert run_interruptible(lambda stop: stop.tolist()) == [False]
    with pytest.raises(ZeroDivisionError):
        run_interruptible(lambda _: 1 // 0)


def test_ctrl_c_stops_the_loop_and_is_raised() -> None:
    running, ended = threading.Event(), threading.Event()

    def loop(stop: NDArray[np.bool_]) -> None:
        running.set()
        while not stop[0]:
            time.sleep(0.01)
        ended.set()

    def interrupt() -> None:
        running.wait()
        time.sleep(0.05)
        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        run_interruptible(loop)
    assert ended.wait(10)
