"""A tokenizer in other processes and threads: it gives the same ids there, and nothing waits for ever."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy, deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from histories_for_workers import HISTORIES, EncodedHistories, history, table, time_limit, used_tokenizer

from domaintoolkit import Categorical, DomainTokenizer, Schema
from domaintoolkit.encoders.categorical import encoder as categorical
from domaintoolkit.encoders.text import encoder as text

pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded, use of fork:DeprecationWarning",  # from Python 3.12 on
    "ignore:.*os.fork.* was called:RuntimeWarning",
)
SECONDS = 120


@pytest.fixture(scope="module")
def tokenizer() -> DomainTokenizer:
    return used_tokenizer()


@pytest.fixture(scope="module")
def wanted(tokenizer: DomainTokenizer) -> list[list[int]]:
    encoded = EncodedHistories(tokenizer)
    return [encoded[user] for user in range(HISTORIES)]


@pytest.fixture(autouse=True)
def limit() -> Iterator[None]:
    with time_limit(SECONDS):
        yield


@pytest.mark.slow
@pytest.mark.parametrize("method", ["pickle", "deepcopy", "copy"])
@pytest.mark.parametrize("state", ["fitted", "used", "saved", "loaded", "limitless", "threadless"])
def test_a_copy_is_the_same_tokenizer(tokenizer: DomainTokenizer, method: str, state: str, tmp_path: Path) -> None:
    if state in ("saved", "loaded"):
        tokenizer.save(tmp_path / "saved")
    made = {
        "fitted": lambda: DomainTokenizer(tokenizer.schema).fit(table()),
        "loaded": lambda: DomainTokenizer.load(tmp_path / "saved"),
        "limitless": tokenizer.without_limits,
        "threadless": tokenizer.without_threads,
    }.get(state, lambda: tokenizer)()
    copied = {"pickle": lambda it: pickle.loads(pickle.dumps(it)), "deepcopy": deepcopy, "copy": copy}[method](made)
    for one in (copied, made):
        assert np.array_equal(one.encode_entity(history(3)), tokenizer.encode_entity(history(3)))
        assert np.array_equal(one.encode(table()).ids, tokenizer.encode(table()).ids)
        streams = pickle.loads(pickle.dumps(tokenizer.encode(table())))
        assert one.decode(streams).equals(tokenizer.decode(tokenizer.encode(table())))
    copied.save(tmp_path / "copied")
    made.save(tmp_path / "made")
    for path in (tmp_path / "made").iterdir():
        assert path.read_bytes() == (tmp_path / "copied" / path.name).read_bytes()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.slow
def test_processes_of_every_kind_encode(tokenizer: DomainTokenizer, wanted: list[list[int]], method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"{method} does not exist here")
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(EncodedHistories(tokenizer).__getitem__, range(HISTORIES)) == wanted


@pytest.mark.slow
def test_a_fork_while_a_thread_encodes(tokenizer: DomainTokenizer, wanted: list[list[int]]) -> None:
    with ThreadPoolExecutor(2) as busy:
        running = [busy.submit(lambda: [tokenizer.encode(table()) for _ in range(20)]) for _ in range(2)]
        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert pool.map(EncodedHistories(tokenizer).__getitem__, range(HISTORIES)) == wanted
        for job in running:
            job.result()


def test_threads_that_empty_the_look_up_tables_of_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(categorical, "_CACHED", 0)
    monkeypatch.setattr(text, "CACHED", 0)
    used = used_tokenizer()
    rows = [history(user) for user in range(HISTORIES)]
    wanted = [used.encode_entity(each).tolist() for each in rows]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda user: used.encode_entity(rows[user]).tolist(), list(range(HISTORIES)) * 20))
    assert found == wanted * 20


@pytest.mark.parametrize("method", ["fork", "spawn", "threads"])
@pytest.mark.slow
def test_workers_of_a_torch_loader(tokenizer: DomainTokenizer, wanted: list[list[int]], method: str) -> None:
    loading: Any = pytest.importorskip("torch.utils.data")
    data = EncodedHistories(tokenizer)
    if method == "threads":
        loaders = [loading.DataLoader(data, batch_size=None) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(list, loaders)) == [wanted] * 4
        return
    loader = loading.DataLoader(data, batch_size=None, num_workers=2, multiprocessing_context=method, timeout=SECONDS)
    assert list(loader) == wanted


@pytest.mark.slow
def test_the_processes_of_a_mapped_data_set(tokenizer: DomainTokenizer, wanted: list[list[int]]) -> None:
    datasets: Any = pytest.importorskip("datasets")
    data = EncodedHistories(tokenizer)
    users = datasets.Dataset.from_dict({"user": list(range(HISTORIES))})
    mapped = users.map(lambda row: {"ids": data[row["user"]]}, num_proc=2)
    assert mapped["ids"][:] == wanted


@pytest.mark.parametrize("kind", ["loky", "multiprocessing", "threading"])
@pytest.mark.slow
def test_the_workers_of_joblib(tokenizer: DomainTokenizer, wanted: list[list[int]], kind: str) -> None:
    joblib: Any = pytest.importorskip("joblib")
    work = joblib.delayed(EncodedHistories(tokenizer).__getitem__)
    with joblib.parallel_config(kind, n_jobs=2):
        assert joblib.Parallel()(work(user) for user in range(HISTORIES)) == wanted


@pytest.mark.parametrize("method", [copy, deepcopy])
def test_a_copy_that_learns_more_leaves_the_original_alone(method: Any) -> None:
    rows = {"user": [1, 2], "what": ["a", "b"]}
    made = DomainTokenizer(Schema(entity="user", fields=[Categorical("what")])).fit(pa.table(rows))
    method(made).partial_fit(pa.table({"user": [3], "what": ["c"]}))
    made.partial_fit(pa.table({"user": [3], "what": ["d"]}))
    names = made.vocabulary.names
    assert "[what=d]" in names
    assert "[what=c]" not in names
