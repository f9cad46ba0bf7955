"""Sampling histories from a model, so that every one of them decodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from domaintoolkit.errors import VocabularyError
from domaintoolkit.generate.composite_draft import ComposedDraft
from domaintoolkit.generate.constraints.canonical_histories import Checks
from domaintoolkit.generate.constraints.composite_next_tokens import ComposedWriter
from domaintoolkit.generate.constraints.next_tokens import State, Writer
from domaintoolkit.generate.draft import Draft, PlainDraft
from domaintoolkit.generate.event_reader import EventReader
from domaintoolkit.generate.sampling import Sampling, draw
from domaintoolkit.generate.token_reader import Reader, TokenReader
from domaintoolkit.grammar import Place
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.token_model import TokenModel
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["Generator"]

Ids = NDArray[np.integer[Any]]

TOGETHER = 64
"""Histories that are written side by side; their cache is held in memory."""


class Generator:
    """Continues histories, or starts them, with a model and the tokenizer of its vocabulary.

    Every step is masked by the grammar: the order of parts, what may continue what, UTF-8, the levels of paths,
    dates that exist, and the instants that the time tokens so far leave. A finished field is put the way its
    encoder writes it, and a finished event is decoded together with what is before it; should that fail, it is
    written anew. So every result decodes, with an untrained model too. Years that have no token are not written:
    where they are part of a time, a history ends with the last of them.

    An event model's tokens are drawn as its likelihood says: whether a session begins, the first token of each
    part, and what follows in texts and spelled values until they end. A model that was trained on composites
    (`config.composites`) reads and draws them; results are base tokens all the same.
    """

    def __init__(self, model: TokenModel | EventModel, tokenizer: DomainTokenizer) -> None:
        model.check_vocabulary(tokenizer.vocabulary)
        self.model, self.tokenizer = model, tokenizer
        self.checks = Checks(tokenizer)
        sessions = tokenizer.schema.session is not None
        self.writer = Writer(self.checks.rules, self.checks.clock, sessions, isinstance(model, EventModel))
        self.composed: ComposedWriter | None = None
        if model.config.composites:
            if tokenizer.segmenter is None or not tokenizer.segmenter.model.decodable:
                raise VocabularyError("the model was trained on composites, and the tokenizer has none that expand")
            self.composed = ComposedWriter(self.writer, tokenizer.segmenter.model)

    @torch.inference_mode()
    def __call__(
        self,
        histories: Sequence[Ids] | int = 1,
        events: int = 10,
        sampling: Sampling | None = None,
        longest: int | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(ids, offsets) of the histories given, each with up to `events` more; or of that many new ones.

        A history may be a header alone. One that would grow beyond `longest` tokens (left out: the model's block,
        where it has learned positions) ends before. Raises `DecodeError` for what is no history.
        """
        sampling = sampling or Sampling()
        if "learned" in self.model.config.position and not isinstance(self.model, EventModel):
            longest = min(longest or self.model.config.block, self.model.config.block)
        was_training = self.model.training
        self.model.eval()
        prompts: Any = [[self.checks.rules.grammar.bos]] * histories if isinstance(histories, int) else histories
        drafts = [self.begun(ids, events, longest) for ids in prompts]
        if drafts and events > 0:
            generator = torch.Generator().manual_seed(sampling.seed)
            for start in range(0, len(drafts), TOGETHER):
                self._write(drafts[start : start + TOGETHER], sampling, generator)
        self.model.train(was_training)
        offsets = np.cumsum([0, *(len(draft.ids) for draft in drafts)])
        return np.array([token for draft in drafts for token in draft.ids], np.int64), offsets

    def begun(self, history: Sequence[int] | Ids, events: int, longest: int | None = None) -> Draft:
        """A draft behind its prompt: BOS alone, a header, or a history of whole events."""
        ids = self._base([int(token) for token in history])
        if ids == [self.checks.rules.grammar.bos]:
            state = self.writer.empty()
            return self._draft(ids, ids, state, self._room(events, 0), longest)
        count, time = self.checks.last_time(ids)
        if count:
            state = self.writer.continued(len(ids), time)
            return self._draft(ids, self._segmented(ids), state, self._room(events, count) + 1, longest)
        state = self.writer.empty()
        for token in ids[1:]:
            state = self.writer.after(state, token)
        return self._draft(ids, ids, replace(state, closed=True), self._room(events, 0), longest)

    def _room(self, events: int, count: int) -> int:
        """How many events may be added to `count`: learned positions of an event model are one an event."""
        if isinstance(self.model, EventModel) and "learned" in self.model.config.position:
            return min(events, max(0, self.model.config.block - count))
        return events

    def _draft(self, ids: list[int], context: list[int], state: State, wanted: int, longest: int | None) -> Draft:
        if self.composed is not None:
            return ComposedDraft(self.checks, self.composed, list(ids), list(context), state, wanted, longest)
        return PlainDraft(self.checks, self.writer, list(ids), state, wanted, longest)

    def _base(self, ids: list[int]) -> list[int]:
        """The base tokens of a history that may hold composites."""
        segmenter, place = self.tokenizer.segmenter, self.checks.rules.grammar.place
        if segmenter is None or not ids or max(ids) >= len(place) or (place[ids] != Place.COMPOSITE).all():
            return ids
        return [int(token) for token in segmenter.expand(np.array(ids), np.array([0, len(ids)])).ids]

    def _segmented(self, ids: list[int]) -> list[int]:
        """What the model reads for a history of base tokens."""
        if self.composed is None:
            return ids
        segmenter = self.tokenizer.segmenter
        assert segmenter is not None
        return [int(token) for token in segmenter.greedy(segmenter.arrays(np.array(ids), np.array([0, len(ids)]))).ids]

    def reader(self, count: int) -> Reader:
        """The model, reading so many histories side by side."""
        if isinstance(self.model, EventModel):
            return EventReader(self.model, count, self.writer)
        return TokenReader(self.model, count)

    def _write(self, drafts: list[Draft], sampling: Sampling, generator: torch.Generator) -> None:
        reader = self.reader(len(drafts))
        while True:
            masks = [None if draft.done else draft.allowed() for draft in drafts]
            for draft, mask in zip(drafts, masks, strict=True):
                if mask is not None and not mask.any():
                    draft.stuck()
            if all(draft.done for draft in drafts):
                return
            scores = reader.scores(drafts)
            for row, (draft, mask) in enumerate(zip(drafts, masks, strict=True)):
                if mask is not None and mask.any():
                    draft.take(draw(scores[row], mask, sampling, generator))
