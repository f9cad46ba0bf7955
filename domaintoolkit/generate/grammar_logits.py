"""`GrammarLogitsProcessor`: the grammar of streams as a mask for `generate` of transformers."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from domaintoolkit.generate.constraints.canonical_histories import CanonicalHistories
from domaintoolkit.generate.constraints.next_tokens import OrderedWriter, WritingState
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["GrammarLogitsProcessor"]


class GrammarLogitsProcessor:
    """Leaves a model of transformers only the tokens that may come next, so that what it writes decodes.

    Give it to `model.generate(ids, logits_processor=LogitsProcessorList([GrammarLogitsProcessor(tokenizer)]))`. The ids
    are base tokens and begin with `[BOS]`; `[PAD]` before it is passed over. A model has as many logits as the
    vocabulary has tokens, or more, which are masked. Decode the result with `tokenizer.decode(ids, partial=True)`: the
    last event may be cut off. Unlike `Generator`, it does not draw an event again whose spelled value has a token, or
    that does not follow the one before in the order of events at one instant: so each event is later than the one
    before.
    """

    def __init__(self, tokenizer: DomainTokenizer) -> None:
        checks = CanonicalHistories(tokenizer)
        schema = tokenizer.schema
        self.writer = OrderedWriter(checks.tables, checks.time_field, schema.has_sessions, gap=schema.gap)
        self.writer.measured = checks.measured
        self.bos, self.pad = tokenizer.grammar.bos, tokenizer.grammar.pad
        self._states: dict[tuple[int, ...], WritingState] = {}

    def __repr__(self) -> str:
        return f"<GrammarLogitsProcessor of {self.writer.skip:,} tokens>"

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores (batch, logits), minus infinity for tokens that may not follow the ids (batch, length)."""
        states: dict[tuple[int, ...], WritingState] = {}
        masked = torch.full_like(scores, -torch.inf)  # (batch, logits)
        for row, ids in enumerate(input_ids.tolist()):
            history = tuple(ids)
            state = states.get(history) or self._read(history)
            states[history] = state
            allowed = torch.from_numpy(self.writer.mask_next(state)[:-1]).nonzero()[:, 0].to(scores.device)
            masked[row, allowed] = scores[row, allowed]
        # only those of this step: the next one adds a token to each of them
        self._states = states
        return masked

    def _read(self, history: tuple[int, ...]) -> WritingState:
        """The state after a history, from that of the step before if it is known."""
        known = self._states.get(history[:-1])
        if known is not None:
            return _require_later(self._after(known, history[-1]))
        begun = history.index(self.bos) if self.bos in history else -1
        if begun < 0 or any(token != self.pad for token in history[:begun]):
            raise ValueError("each row of input_ids begins with [BOS]")
        state = self.writer.begin()
        for token in history[begun + 1 :]:
            state = self._after(state, token)
        return _require_later(state)

    def _after(self, state: WritingState, token: int) -> WritingState:
        if not self.writer.mask_next(state)[token]:
            raise ValueError(f"the token {token} may not stand in input_ids after the tokens before it")
        return self.writer.after(state, token)


def _require_later(state: WritingState) -> WritingState:
    """The state in which the event that is written next, or now, may not be at the instant of the one before."""
    if state.feasible.is_tied:
        return state  # a prompt has said so
    return replace(state, feasible=replace(state.feasible, strict=True))
