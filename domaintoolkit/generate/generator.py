"""Sampling histories from a model, so that every one of them decodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from domaintoolkit.errors import Problem, SchemaError, VocabularyError
from domaintoolkit.generate.constraints.canonical_histories import CanonicalHistories
from domaintoolkit.generate.constraints.composite_next_tokens import ComposedWriter
from domaintoolkit.generate.constraints.next_tokens import OrderedWriter, Writer
from domaintoolkit.generate.draft import Draft, Prompt
from domaintoolkit.generate.event_scores import EventScores
from domaintoolkit.generate.sampling import Sampling, draw
from domaintoolkit.generate.token_scores import Scores, TokenScores
from domaintoolkit.grammar import Place
from domaintoolkit.model.evaluation_mode import evaluation_mode
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.token_model import TokenModel
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["Generator", "WrittenHistory"]

Ids = NDArray[np.integer[Any]]

TOGETHER = 64
"""Histories that are written at once; the cache of their keys and values is held in memory."""


class WrittenHistory(NamedTuple):
    """A history that was written."""

    ids: NDArray[np.int64]
    ended: str | None
    """The reason why it has fewer events than were wanted; None if it has all."""


class Generator:
    """Continues histories, or starts them, with a model and the tokenizer of its vocabulary.

    A mask limits every step to what the grammar allows: the order of parts, what may continue what, UTF-8, the levels
    of paths, dates that exist, and the instants that the time tokens so far leave. Each finished event is compared with
    what its encoders write and decoded together with the history before it; if that fails, it is drawn again (see
    `Draft`). So every result decodes and encodes to itself, with an untrained model too. Years without a token are not
    written: if the year is part of a time, a history ends with the last year that has one.

    The tokens of an event model are drawn from the distributions that its likelihood is made of: whether a session
    begins, the first token of each part, and the tails of texts and spelled values until they end. A model that was
    trained on composites (`config.composites`) reads and draws them; results are base tokens all the same.
    """

    def __init__(self, model: TokenModel | EventModel, tokenizer: DomainTokenizer) -> None:
        model.check_vocabulary(tokenizer.vocabulary)
        if tokenizer.schema.is_ordered_by_fields:
            reason = "without a time column, histories are written only if a column that is not a field orders them"
            raise SchemaError([Problem("order_by", reason)])
        self.model, self.tokenizer = model, tokenizer
        self.checks = CanonicalHistories(tokenizer)
        sessions, staged = tokenizer.schema.has_sessions, isinstance(model, EventModel)
        self.ordered = OrderedWriter(self.checks.tables, self.checks.time_field, sessions, staged, tokenizer.schema.gap)
        self.ordered.measured = self.checks.measured
        self.writer: Writer = self.ordered
        if model.config.composites:
            if tokenizer.segmenter is None or not tokenizer.segmenter.model.decodable:
                raise VocabularyError("the model was trained on composites, and the tokenizer has none that expand")
            self.writer = ComposedWriter(self.ordered, tokenizer.segmenter.model)

    def __repr__(self) -> str:
        return f"<Generator: {type(self.model).__name__}, {self.tokenizer!r}>"

    def __call__(
        self,
        histories: Sequence[Ids] | int = 1,
        events: int = 10,
        sampling: Sampling | None = None,
        longest: int | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(ids, offsets) of the histories, each with up to `events` more; or of so many new histories.

        A history may be a header alone. One that would grow beyond `longest` tokens ends before (default: the model's
        block, if its positions are learned). Raises `DecodeError` for ids that are not a history.
        """
        written = self.write(histories, events, sampling, longest)
        offsets = np.cumsum([0, *(len(each.ids) for each in written)])
        return np.concatenate([each.ids for each in written]) if written else np.empty(0, np.int64), offsets

    @torch.inference_mode()
    def write(
        self,
        histories: Sequence[Ids] | int = 1,
        events: int = 10,
        sampling: Sampling | None = None,
        longest: int | None = None,
        stop: Sequence[int] = (),
    ) -> list[WrittenHistory]:
        """The same histories one by one, each with the reason if it ends before all `events`.

        An event that holds the tokens `stop`, those of a value, is the last one of its history.
        """
        sampling = sampling or Sampling()
        if "learned" in self.model.config.position and not isinstance(self.model, EventModel):
            # a token model has one learned position a token
            longest = min(longest or self.model.config.block, self.model.config.block)
        with evaluation_mode(self.model):
            prompts: Any = [[self.checks.tables.grammar.bos]] * histories if isinstance(histories, int) else histories
            drafts = [self.begin(ids, events, longest, stop) for ids in prompts]
            # on the CPU, so that a seed gives the same histories on every device, as far as the scores are the same
            generator = torch.Generator().manual_seed(sampling.seed)
            for start in range(0, len(drafts), TOGETHER):
                self._write(drafts[start : start + TOGETHER], sampling, generator)
        return [WrittenHistory(np.array(draft.ids, np.int64), draft.ended) for draft in drafts]

    def begin(
        self, history: Sequence[int] | Ids, events: int, longest: int | None = None, stop: Sequence[int] = ()
    ) -> Draft:
        """A draft that begins with a prompt: BOS alone, a header, or a history of whole events."""
        ids = self._expand([int(token) for token in history])
        state, context, count = self.ordered.begin(), ids, 0
        unbegun = ids == [self.checks.tables.grammar.bos] and self.ordered.header > 0
        if not unbegun:
            count, time = self.checks.last_time(ids)
            if count:
                state, context = self.ordered.resume(time), self._segment(ids)
            else:
                for token in ids[1:]:
                    state = self.ordered.after(state, token)
        prompt = Prompt(ids, context, state if unbegun else self.writer.end_event(state), unbegun)
        room = self._room(events, count)
        draft = Draft(self.checks, self.writer, prompt, room, longest, tuple(stop))
        if room < events:
            draft.ended = f"the model has positions for {self.model.config.block} events"
        return draft

    def _room(self, events: int, count: int) -> int:
        """The number of events that may follow `count` of them: a model with learned positions has one per event."""
        if isinstance(self.model, EventModel) and "learned" in self.model.config.position:
            return min(events, max(0, self.model.config.block - count))
        return events

    def _expand(self, ids: list[int]) -> list[int]:
        """The base tokens of a history that may hold composites."""
        segmenter, place = self.tokenizer.segmenter, self.checks.tables.grammar.place
        if segmenter is None or not ids or max(ids) >= len(place) or (place[ids] != Place.COMPOSITE).all():
            return ids
        return [int(token) for token in segmenter.expand(np.array(ids), np.array([0, len(ids)])).ids]

    def _segment(self, ids: list[int]) -> list[int]:
        """A history of base tokens as the model reads it."""
        if self.writer is self.ordered:
            return ids
        segmenter = self.tokenizer.segmenter
        assert segmenter is not None
        return [int(token) for token in segmenter.greedy(segmenter.arrays(np.array(ids), np.array([0, len(ids)]))).ids]

    def scores(self, count: int) -> Scores:
        """The model's scores for `count` histories that are written at once."""
        if isinstance(self.model, EventModel):
            return EventScores(self.model, count, self.ordered)
        return TokenScores(self.model, count)

    def _write(self, drafts: list[Draft], sampling: Sampling, generator: torch.Generator) -> None:
        scores = self.scores(len(drafts))
        while True:
            masks = [None if draft.done else draft.mask_next() for draft in drafts]
            for draft, mask in zip(drafts, masks, strict=True):
                # nothing may come next: the draft goes back or ends, and gets another mask in the next round
                if mask is not None and not mask.any():
                    draft.stuck()
            if all(draft.done for draft in drafts):
                return
            found = scores.next(drafts)
            for row, (draft, mask) in enumerate(zip(drafts, masks, strict=True)):
                if mask is not None and mask.any():
                    draft.take(draw(found[row], mask, sampling, generator))
