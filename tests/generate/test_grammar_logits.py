"""A model of transformers, untrained, that writes only what decodes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import domaintoolkit as dt
from domaintoolkit.generate import GrammarLogitsProcessor

SCHEMA = dt.Schema(
    entity="user",
    time="at",
    fields=[dt.Categorical("path", separator=".", max_size=3), dt.Numeric("price", sign=True), dt.Timestamp("at")],
)
ROWS = {
    "user": [1, 1, 2],
    "at": ["2024-01-01T10:00", "2024-01-02T11:00", "2024-01-03T09:00"],
    "path": ["a.b", "a.c", "d"],
    "price": [1.5, -2.0, None],
}


@pytest.mark.slow
def test_generate_of_transformers_writes_histories_that_decode() -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = dt.DomainTokenizer(SCHEMA).fit(ROWS)
    torch.manual_seed(0)
    size = len(tokenizer.vocabulary)
    config = transformers.GPT2Config(vocab_size=size + 3, n_positions=64, n_embd=16, n_layer=1, n_head=2)
    model = transformers.GPT2LMHeadModel(config).eval()
    history = torch.as_tensor(tokenizer.encode(ROWS)[1][:5], dtype=torch.int64)
    prompts = torch.stack([history, torch.cat([torch.tensor([tokenizer.grammar.pad]), history[:-1]])])
    written = model.generate(
        prompts,
        attention_mask=(prompts != tokenizer.grammar.pad).long(),
        max_new_tokens=40,
        do_sample=True,
        pad_token_id=tokenizer.grammar.pad,
        eos_token_id=None,
        logits_processor=transformers.LogitsProcessorList([GrammarLogitsProcessor(tokenizer)]),
    ).numpy()
    assert written.shape[1] == 45
    for row in written:
        rows = tokenizer.decode(row[np.argmax(row == tokenizer.grammar.bos) :], partial=True)
        assert rows.num_rows >= 2


def test_ids_that_are_no_history_are_refused() -> None:
    tokenizer = dt.DomainTokenizer(SCHEMA).fit(ROWS)
    processor = GrammarLogitsProcessor(tokenizer)
    scores = torch.zeros(1, len(tokenizer.vocabulary))
    with pytest.raises(ValueError, match="begins with"):
        processor(torch.tensor([[5]]), scores)
    with pytest.raises(ValueError, match="may not stand"):
        processor(torch.tensor([[tokenizer.grammar.bos, tokenizer.vocabulary.id("[path=d]")]]), scores)
