"""`domaintoolkit check`"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from domaintoolkit.registry import get_domain

Run = Callable[..., Any]


@pytest.mark.slow
def test_every_contract_of_a_domain_is_listed_with_its_seconds(run: Run) -> None:
    result = run("check", "ads", "--events", 60, "--examples", 1)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[-1].startswith("ads: all 13 contracts hold, in ")
    assert all(line.split()[0] == "\u2713" and " s  " in line for line in lines[:13])


def other_sample(events: int, seed: int) -> Iterator[pa.RecordBatch]:
    for batch in get_domain("ads").sample(events, seed):
        yield batch.drop_columns(["os"])


def test_a_broken_contract_is_shown_and_ends_with_status_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(get_domain("ads"), sample=other_sample)
    monkeypatch.setattr("domaintoolkit.registry.get_domain", lambda name: broken)
    result = run("check", "ads", "--events", 60)
    assert result.exit_code == 1
    assert "the reader's columns ['os'] are not in the sample" in result.stdout
    assert "do: give the sample every column" in result.stdout
    assert "1 of 1 contract is broken: sample" in result.stdout
    data = json.loads(run("check", "ads", "--events", 60, "--json").stdout)
    assert data["holds"] is False
    assert data["contracts"][0]["field"] == "os"
    assert data["contracts"][0]["advice"].startswith("give the sample every column")
    assert [each["checked"] for each in data["contracts"]] == [True, *[False] * 12]


def test_an_unknown_domain_is_refused(run: Run) -> None:
    assert "ads" in run("check", "adds").output
