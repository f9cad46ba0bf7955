"""Sampling histories from a token model, so that every one of them decodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from pydantic import Field as Constraint
from torch import Tensor

from domaintoolkit.encoders import TimestampEncoder
from domaintoolkit.errors import DecodeError
from domaintoolkit.model._decoder import Cache
from domaintoolkit.model._feasible import TimeField
from domaintoolkit.model._fields import FieldCheck
from domaintoolkit.model._rules import Rules
from domaintoolkit.model._token_model import TokenModel
from domaintoolkit.model._writer import State, Writer
from domaintoolkit.schema._declare import declaration
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["Generator", "Sampling"]

Ids = NDArray[np.integer[Any]]

FIELD_TRIES = 8
"""How often a field is written again before it is left null."""
EVENT_TRIES = 8
"""How often an event is written again before the history ends without it."""


@declaration
class Sampling:
    """How tokens are drawn: from the `top_k` likeliest, or the fewest that hold `top_p` of the probability."""

    temperature: Annotated[float, Constraint(gt=0)] = 1.0
    top_k: Annotated[int, Constraint(ge=1)] | None = None
    top_p: Annotated[float, Constraint(gt=0, le=1)] | None = None
    seed: int = 0


@dataclass
class _Row:
    """A history being written, and where to go back to."""

    ids: list[int]
    state: State
    wanted: int
    """Events to be begun in all."""
    columns: list[int] = field(default_factory=list)
    """Of each id, its place in the cache."""
    queue: list[int] = field(default_factory=list)
    """Tokens that come next whatever the model says."""
    logits: Tensor | None = None
    field_mark: tuple[State, Tensor | None] | None = None
    event_mark: tuple[State, Tensor | None] | None = None
    checked: int = 0
    """Tokens up to which fields are known to be the encoder's way."""
    whole: int = 0
    """Tokens up to which events are whole, and known to decode."""
    field_tries: int = 0
    event_tries: int = 0
    done: bool = False


class Generator:
    """Continues histories, or starts them, with a token model and the tokenizer of its vocabulary.

    Every step is masked by the grammar: the order of parts, what may continue what, UTF-8, the levels of paths,
    dates that exist, and the instants that the time tokens so far leave. A finished field is put the way its
    encoder writes it, and a finished event is decoded together with what is before it; should that fail, it is
    written anew. So every result decodes, with an untrained model too. Years that have no token are not written:
    where they are part of a time, a history ends with the last of them.

    Composites are never written. A vocabulary that has some is refused with `VocabularyError`, unless `base` says
    that the model was trained on base tokens all the same.
    """

    def __init__(self, model: TokenModel, tokenizer: DomainTokenizer, base: bool = False) -> None:
        model.check_vocabulary(tokenizer.vocabulary)
        layout = tokenizer.layout
        self.model, self.tokenizer = model, tokenizer
        self.rules = Rules.of(tokenizer.grammar, tokenizer.vocabulary, base)
        self.clock: TimeField | None = None
        self.checks: dict[int, FieldCheck] = {}
        for bound in layout.bound:
            if bound.kind == "field" and bound.name == tokenizer.schema.time:
                assert isinstance(bound.encoder, TimestampEncoder)
                self.clock = TimeField.of(bound.encoder, bound.first_place, self.rules)
            elif bound.name is not None:
                self.checks[bound.first_place] = FieldCheck(bound, tokenizer.types[bound.name], self.rules)
        self.writer = Writer(self.rules, self.clock, tokenizer.schema.session is not None)

    @torch.inference_mode()
    def __call__(
        self,
        histories: Sequence[Ids] | int = 1,
        events: int = 10,
        sampling: Sampling | None = None,
        longest: int | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(ids, offsets) of the histories given, each with up to `events` more; or of that many new ones.

        A history that would grow beyond `longest` tokens (left out: the model's block, where it has learned
        positions) ends before. Raises `DecodeError` for what is no history.
        """
        sampling = sampling or Sampling()
        if self.model.config.position in ("learned", "rope+learned"):
            longest = min(longest or self.model.config.block, self.model.config.block)
        was_training = self.model.training
        self.model.eval()
        rows = [self._begun(ids, events) for ids in self._prompts(histories)]
        if rows and events > 0:
            self._write(rows, sampling, longest)
        self.model.train(was_training)
        offsets = np.cumsum([0, *(len(row.ids) for row in rows)])
        return np.array([token for row in rows for token in row.ids], np.int64), offsets

    def _prompts(self, histories: Sequence[Ids] | int) -> list[list[int]]:
        if isinstance(histories, int):
            return [[self.rules.grammar.bos] for _ in range(histories)]
        return [[int(token) for token in ids] for ids in histories]

    def _begun(self, ids: list[int], events: int) -> _Row:
        """A row behind its prompt, which is BOS alone or a history of whole events."""
        if ids == [self.rules.grammar.bos]:
            return _Row(ids, self.writer.empty(), events)
        time = None
        table = self.tokenizer.decode(np.array(ids))
        if not len(table):
            raise DecodeError("a history to be continued has an event")
        if self.tokenizer.schema.time is not None:
            last = table[self.tokenizer.schema.time].combine_chunks().slice(len(table) - 1)
            time = int(last.cast(pa.timestamp("us", "UTC")).cast(pa.int64())[0].as_py())
        return _Row(ids, self.writer.continued(len(ids), time), events + 1, checked=len(ids), whole=len(ids))

    def _write(self, rows: list[_Row], sampling: Sampling, longest: int | None) -> None:
        generator = torch.Generator().manual_seed(sampling.seed)
        cache = Cache()
        width = max(len(row.ids) for row in rows)
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        real = torch.zeros(len(rows), width, dtype=torch.bool)
        for number, row in enumerate(rows):
            ids[number, : len(row.ids)] = torch.tensor(row.ids)
            real[number, : len(row.ids)] = True
            row.columns = list(range(len(row.ids)))
        last = [len(row.ids) - 1 for row in rows]
        while True:
            hidden = self.model.read(ids.to(self.model.device), real.to(self.model.device), cache)
            at = torch.arange(len(rows)), torch.tensor(last)
            logits = self.model.logits(hidden[at]).float().cpu()
            for number, row in enumerate(rows):
                if real[number].any():
                    row.logits = logits[number]
            assert cache.valid is not None
            column = cache.valid.shape[1]
            ids, real = torch.zeros(len(rows), 1, dtype=torch.long), torch.zeros(len(rows), 1, dtype=torch.bool)
            last = [0] * len(rows)
            for number, row in enumerate(rows):
                token = self._step(row, sampling, generator, cache.valid[number], longest)
                if token is not None:
                    ids[number, 0], real[number, 0] = token, True
                    row.columns.append(column)
            if not real.any():
                return

    def _step(
        self, row: _Row, sampling: Sampling, generator: torch.Generator, valid: Tensor, longest: int | None
    ) -> int | None:
        """The next token of a row, already put down; None when it is done."""
        while not row.done:
            if row.queue:
                return self._put(row, row.queue.pop(0))
            allowed = self.writer.allowed(row.state)
            if not allowed.any():
                # years without a token are not written, so the calendar can end
                self._rewrite(row, valid)
                continue
            token = _draw(row.logits, allowed, sampling, generator)
            if self._begins(token) and not self._settled(row, valid):
                continue
            if longest is not None and len(row.ids) >= longest:
                self._end(row, valid)
            else:
                self._mark(row, token)
                return self._put(row, token)
        return None

    def _begins(self, token: int) -> bool:
        grammar = self.rules.grammar
        return bool(grammar.start[token]) or token == grammar.session

    def _put(self, row: _Row, token: int) -> int:
        row.state = self.writer.after(row.state, token)
        row.ids.append(token)
        return token

    def _mark(self, row: _Row, token: int) -> None:
        """Remember where a field or an event begins."""
        if not self._begins(token):
            return
        grammar, state = self.rules.grammar, row.state
        following = self.writer.header if state.following == self.writer.end else state.following
        if following == self.writer.header and not state.session:
            row.event_mark = (state, row.logits)
        if token != grammar.session and (following == 0 or grammar.part_fields[following] != self._field_of(state)):
            row.field_mark = (state, row.logits)

    def _field_of(self, state: State) -> object:
        """The field being written; nothing at the beginning of an event, whose field may be that of the last."""
        fresh = state.place < 0 or state.session or state.following in (self.writer.end, self.writer.header)
        return self if fresh else self.rules.grammar.part_fields[state.place]

    def _settled(self, row: _Row, valid: Tensor) -> bool:
        """Check what has just been finished. False if the row has changed, and the token drawn is not to be taken."""
        state = row.state
        if state.place < 0 or state.session or row.checked >= len(row.ids):
            return True
        if state.following != self.rules.last_place(state.place):
            return True
        if not self._field_settled(row, valid):
            return False
        if state.following != self.writer.end:
            return True
        return self._event_settled(row, valid)

    def _field_settled(self, row: _Row, valid: Tensor) -> bool:
        fields, place = self.rules.grammar.part_fields, row.state.place
        first = next(at for at in range(place + 1) if fields[at] == fields[place] and self._same_side(at, place))
        check = self.checks.get(first)
        if check is None or row.field_mark is None:
            return True
        mark, logits = row.field_mark
        begin = mark.length
        written = tuple(row.ids[begin:])
        wanted = check.canonical(written)
        if wanted == written:
            row.checked, row.field_tries = len(row.ids), 0
            return True
        self._back(row, mark, logits, valid)
        row.field_tries += 1
        if wanted is not None:
            row.queue = list(wanted)
            row.field_tries = 0
        elif row.field_tries >= FIELD_TRIES and check.null is not None:
            row.queue = [check.null]
            row.field_tries = 0
        return False

    def _same_side(self, at: int, place: int) -> bool:
        return (at < self.writer.header) == (place < self.writer.header)

    def _event_settled(self, row: _Row, valid: Tensor) -> bool:
        """Decode the history so far. An event that does not fit is written anew, later than the one before it."""
        try:
            self.tokenizer.decode(np.array(row.ids))
        except DecodeError:
            self._rewrite(row, valid)
            return False
        row.checked, row.whole, row.event_tries = len(row.ids), len(row.ids), 0
        row.done = row.state.events >= row.wanted
        return not row.done

    def _rewrite(self, row: _Row, valid: Tensor) -> None:
        assert row.event_mark is not None
        state, logits = row.event_mark
        row.event_tries += 1
        strict = replace(state, feasible=replace(state.feasible, strict=True))
        self._back(row, strict if state.events else state, logits, valid)
        row.done = row.event_tries >= EVENT_TRIES

    def _end(self, row: _Row, valid: Tensor) -> None:
        """Stop at the last whole event."""
        if row.event_mark is not None and row.whole < len(row.ids):
            self._back(row, *row.event_mark, valid)
        row.done = True

    def _back(self, row: _Row, state: State, logits: Tensor | None, valid: Tensor) -> None:
        """Take back what was written after `state`; the cache forgets it."""
        valid[row.columns[state.length :]] = False
        del row.ids[state.length :], row.columns[state.length :]
        row.state, row.logits, row.queue = replace(state, closed=True), logits, []
        row.checked = min(row.checked, state.length)


def _draw(logits: Tensor | None, allowed: NDArray[np.bool_], sampling: Sampling, generator: torch.Generator) -> int:
    """One token of those allowed."""
    assert logits is not None
    scores = (logits / sampling.temperature).masked_fill(~torch.from_numpy(allowed), -torch.inf)
    if sampling.top_k is not None and sampling.top_k < len(scores):
        scores = scores.masked_fill(scores < scores.topk(sampling.top_k).values[-1], -torch.inf)
    probabilities = scores.softmax(0)
    if sampling.top_p is not None:
        ordered, order = probabilities.sort(descending=True, stable=True)
        beyond = ordered.cumsum(0) - ordered >= sampling.top_p
        probabilities[order[beyond]] = 0
    return int(torch.multinomial(probabilities, 1, generator=generator))
