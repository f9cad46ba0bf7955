"""Progress: silent in a short job that nobody watches, a bar in a notebook."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from domaintoolkit.display import ProgressBar
from domaintoolkit.display.progress import is_notebook


class ZMQInteractiveShell:
    """The shell of a notebook's kernel."""


def test_a_notebook_is_told_by_its_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_notebook()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not is_notebook()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=ZMQInteractiveShell))
    assert is_notebook()


def test_a_notebook_has_a_bar_that_counts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("domaintoolkit.display.progress.is_notebook", lambda: True)
    with ProgressBar() as bar:
        bar("fitting", 3, 10)
        bar("encoding", 7, 10)
    assert not capsys.readouterr().err


def test_a_short_job_in_a_pipe_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar() as bar:
        bar("fitting", 3, 10)
    assert capsys.readouterr().err == ""
