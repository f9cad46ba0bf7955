from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest

from domaintoolkit.util.threads import Inline, Threads, Workers, make_workers

EVERY = pytest.mark.parametrize("count", [1, 2, 5])


@EVERY
def test_results_come_in_order(count: int) -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number * number

    with make_workers(count) as workers:
        assert list(workers.map_in_order(slow_first, range(20))) == [number * number for number in range(20)]


@EVERY
def test_results_as_completed_are_all_there(count: int) -> None:
    with make_workers(count) as workers:
        assert sorted(workers.map_as_completed(lambda number: -number, range(20))) == sorted(range(0, -20, -1))


def test_a_quick_result_does_not_wait_for_a_slow_one() -> None:
    release = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            release.wait(10)
        return number

    with Threads(2) as workers:
        results = workers.map_as_completed(work, range(3))
        assert next(results) in (1, 2)
        release.set()
        assert 0 in list(results)


@pytest.mark.parametrize("name", ["map_in_order", "map_as_completed"])
def test_no_more_is_read_than_the_threads_need(name: str) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with Threads(3) as workers:
        results = getattr(workers, name)(lambda number: number, items())
        next(results)
        assert len(taken) <= 7


@EVERY
@pytest.mark.parametrize("name", ["map_in_order", "map_as_completed"])
def test_an_error_comes_through_and_drops_the_rest(count: int, name: str) -> None:
    begun: list[int] = []

    def fail(number: int) -> int:
        begun.append(number)
        raise ValueError(f"item {number}")

    with pytest.raises(ValueError, match="item"), make_workers(count) as workers:
        list(getattr(workers, name)(fail, range(100)))
    assert len(begun) < 100


def test_leaving_drops_jobs_that_have_not_begun() -> None:
    begun: list[int] = []
    gate = threading.Event()

    def job(number: int) -> None:
        begun.append(number)
        gate.wait(10)

    with Threads(1) as workers:
        for number in range(50):
            workers.submit(job, number)
        threading.Timer(0.05, gate.set).start()
    assert len(begun) < 50


@pytest.mark.parametrize("workers", [Inline(), Threads(1), Threads(3)], ids=["inline", "one", "three"])
def test_shared_jobs_are_all_done_and_their_errors_raised(workers: Workers) -> None:
    done: list[int] = []
    workers.share([lambda number=number: done.append(number) for number in range(20)])  # type: ignore[misc]
    assert sorted(done) == list(range(20))

    def fail() -> None:
        raise ValueError("a job failed")

    with pytest.raises(ValueError, match="a job failed"):
        workers.share([fail])


def test_a_forked_process_has_threads_of_its_own() -> None:
    with Threads(2) as workers:
        assert workers.submit(max, 1, 2).result() == 2
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.write(writer, str(workers.submit(max, 3, 4).result(10)).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as answer:
            assert answer.read() == "4"
        os.waitpid(child, 0)
        assert workers.submit(max, 5, 6).result() == 6
