from __future__ import annotations

from pathlib import Path

import pytest
import torch
import train_folders as folders

from domaintoolkit.model import EventModel, TokenModel, event_preset, preset
from domaintoolkit.report.folder.chosen_rows import choose_rows
from domaintoolkit.report.run.next_events import predict_events
from domaintoolkit.storage import open_encoded


@pytest.mark.slow
def test_what_is_predicted_lies_within_a_block(tmp_path: Path) -> None:
    table = folders.rows(20, 8)
    tokenizer = folders.tokenizer(table)
    folder = open_encoded(folders.write(tmp_path, table, tokenizer))
    rows, size = choose_rows(folder, ("user",), None, 50), len(tokenizer.vocabulary)
    torch.manual_seed(0)
    small = {"width": 16, "layers": 1, "heads": 1}
    bound = tokenizer.grammar, tokenizer.vocabulary.hash
    token = TokenModel(preset("54k", size, position="learned", block=24, **small), *bound).eval()
    shown = predict_events(token, tokenizer, rows, 3)
    assert shown
    # of a history that is longer than the learned positions, the last event that they hold
    assert all(len(each.came) <= 24 for each in shown)
    event = EventModel(event_preset("54k", size, block=3, part_width=8, **small), *bound).eval()
    for each in predict_events(event, tokenizer, rows, 3):
        assert [name for name, _ in each.before] == ["event 1"]
