from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import train_folders as folders

from domaintoolkit.train import Recipe
from domaintoolkit.train.model_building import build_model
from domaintoolkit.train.predictions import describe_next_event


@pytest.mark.parametrize("family", ["token", "event"])
def test_the_last_event_is_not_shown_to_the_model_even_if_it_opens_a_session(family: Literal["token", "event"]) -> None:
    table = folders.rows(30, 6)
    tokenizer = folders.tokenizer(table)
    streams, grammar = tokenizer.encode(table), tokenizer.grammar
    model = build_model(replace(Recipe(), preset="54k", family=family), tokenizer.vocabulary, grammar).eval()
    opened = set()
    for number in range(len(streams)):
        history = np.asarray(streams[number], np.int64)
        starts = np.flatnonzero(grammar.start[history] & (grammar.place[history] == grammar.header_parts))
        opens = bool(history[starts[-1] - 1] == grammar.session)
        if len(starts) < 2 or opens in opened:
            continue
        opened.add(opens)
        after, came, *expected = describe_next_event(model, tokenizer, history)
        assert came.split()[1].startswith("[SESSION]" if opens else "[page")
        assert not after.endswith("[SESSION]")
        assert expected
        shares = [float(share) for line in expected for share in re.findall(r"([\d.]+(?:e-\d+)?)%?\)?(?= |$)", line)]
        assert shares
        assert all(share > 0 for share in shares)
    assert opened == {True, False}
