"""`domaintoolkit study`"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]


def test_the_studies_are_listed(run: Run) -> None:
    result = run("study", "--list", "--json")
    assert result.exit_code == 0, result.output
    listed = json.loads(result.stdout)
    assert {"sizes", "batches", "architecture", "tokenizers", "pretrain", "control"} == set(listed)
    assert listed["sizes"]["forms"] == ["small", "large"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("size",), "sizes"),
        ((), "give the name of a study"),
        (("sizes", "shop", "--domain", "ads"), "give OUT or --domain, not both"),
        (("sizes", "--redraw", "--domain", "ads"), "--redraw runs nothing, so it takes no --domain\n"),
        (("sizes", "shop", "--redraw", "--jobs", 2), "so it takes no OUT and no --jobs"),
    ],
)
def test_usage(run: Run, arguments: tuple[Any, ...], message: str) -> None:
    result = run("study", *arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
