"""The event model: one position an event, its parts predicted by one head each from all events before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.model._clock import Clock, ranks, time_parts
from domaintoolkit.model._config import EventModelConfig, decoder_parameters
from domaintoolkit.model._decoder import PackedDecoder
from domaintoolkit.model._heads import Heads, part_loss
from domaintoolkit.model._interface import EXTRA_PARTS, EventBatch, EventTargets, Layout, LossReport
from domaintoolkit.model._packing import Kernel, pack
from domaintoolkit.model._stored import BoundModel
from domaintoolkit.model._tails import FACTORS, SPREAD, TailDecoder, TailEncoder, Tails
from domaintoolkit.model._targets import event_targets, going_on

__all__ = ["EventModel", "event_parameters"]


class EventModel(BoundModel):
    """The parts of an event, embedded, side by side and projected, plus hybrid time features, through the decoder.

    The likelihood of an event is that of its session flag, times one softmax a part over the tokens that can begin
    it, times that of the tails (see `_tails`). The header is a position that is read and not predicted.
    """

    config: EventModelConfig
    config_type = EventModelConfig

    def __init__(self, config: EventModelConfig, layout: Layout, vocabulary_hash: str) -> None:
        super().__init__()
        self.config = config
        self.kernel: Kernel | None = None
        self.bind(layout, vocabulary_hash)
        size, cell, width = config.vocabulary_size, config.cell, config.width
        self.embedding = nn.Parameter(torch.randn(size, cell) * SPREAD)
        self.output = None if config.tied else nn.Parameter(torch.randn(size, cell) * SPREAD)
        self.bias = nn.Parameter(torch.zeros(size, 1))
        self.grows = ("embedding", "bias") if config.tied else ("embedding", "bias", "output")
        self.project = nn.Linear((self.header_parts + self.event_parts) * cell, width, bias=False)
        self.flag = nn.Parameter(torch.randn(width) * SPREAD)
        self.steps = nn.Embedding(config.block, width) if "learned" in config.position else None
        self.tail_encoder = TailEncoder()
        self.clock = Clock(*time_parts(layout), width)
        self.decoder = PackedDecoder(config)
        self.dropout = nn.Dropout(config.dropout)
        self.heads = Heads(config, self.event_parts)
        self.session_head = nn.Linear(width, 1)
        self.tail_decoder = TailDecoder(config)
        self.rebound()

    def rebound(self) -> None:
        """Make the candidates of every part, and the alphabets of tails."""
        place, start = self.place, self.start
        rank = torch.zeros(len(place), dtype=torch.long, device=place.device)
        for part in range(self.event_parts):
            ids, own = ranks(place, start, self.header_parts + part)
            self.register_buffer(f"candidates_{part}", ids, persistent=False)
            rank += own
        self.register_buffer("rank", rank, persistent=False)
        self.register_buffer("continues", going_on(place, start, self.fusible, self.fills), persistent=False)
        self.tail_decoder.tabulate(place, start)
        self.clock.tabulate(place, start)

    def cells(self, batch: EventBatch) -> Tensor:
        """Embeddings (B, T, H + P, cell) of the cells, tails included; zero where a position has no such part."""
        there = self.place[batch.ids] == torch.arange(batch.ids.shape[2], device=batch.ids.device)
        found = functional.embedding(batch.ids, self.embedding) * there[..., None]
        if len(batch.tails):
            tails = functional.embedding(batch.tails, self.embedding)
            flat = self.tail_encoder(found.flatten(0, 2), batch.tail_cells, batch.tail_offsets, tails)
            found = flat.view(found.shape)
        return found / SPREAD

    def hidden(self, batch: EventBatch, cells: Tensor | None = None) -> Tensor:
        """Normalised hidden states (B, T, width)."""
        count, length = batch.documents.shape
        packing = pack(batch.documents, (count, length), batch.ids.device, self.kernel, batch.bounds)
        x = self.project((self.cells(batch) if cells is None else cells).flatten(2))
        x = x + (batch.session[..., None] * (self.flag / SPREAD)).to(x.dtype)
        x = x + self.clock(batch.ids) * ~batch.header[..., None]
        if self.steps is not None:
            if length > self.config.block:
                reason = f"longer than the block of {self.config.block} that the learned positions are for"
                raise DataError([Refusal(None, None, reason)])
            x = x + self.steps(packing.positions)
        return self.decoder.run(self.dropout(x), packing)

    def loss(self, batch: EventBatch) -> LossReport:
        """Nats of every event that follows the header or another event, over the number of their base tokens."""
        cells = self.cells(batch)
        hidden = self.hidden(batch, cells).flatten(0, 1)
        documents = batch.documents
        wanted = batch.targets or self._targets(batch)
        source = wanted.source
        target = source + 1
        whole = torch.zeros(len(hidden), self.event_parts + len(EXTRA_PARTS), device=hidden.device)
        if not len(source):
            none = torch.zeros((), dtype=torch.long, device=hidden.device)
            return LossReport(hidden.sum() * 0, whole.view(*documents.shape, -1), none, none)
        by_part = whole.new_zeros(len(source), whole.shape[1])
        known = hidden[source]
        session = batch.session.flatten()[target]
        own = cells.flatten(0, 1)[target][:, self.header_parts :]
        contexts, queries = self.heads(known, session, own, self.scored_before(batch.ids.flatten(0, 1)[source]))
        first = batch.header.flatten()[source]
        total = self._session(known, session, first, by_part)
        ids = batch.ids.flatten(0, 1)[target][:, self.header_parts :]
        tokens = session.sum()
        scored = torch.cat((self.scored, self.bias), 1)
        for part in range(self.event_parts):
            there, going = wanted.there[part], wanted.going[part]
            found, at = ids[there, part], target[there] * batch.ids.shape[2] + self.header_parts + part
            loss, nats = self._part(part, queries[there, part], found, scored)
            tail_loss, tail_nats, more = self._tail(part, contexts[there, part], found, going, at[going], batch)
            total = total + loss + tail_loss
            by_part[there, part] = nats + tail_nats
            tokens = tokens + len(there) + more
        whole[target] = by_part
        events = torch.full((), len(source), device=hidden.device)
        return LossReport(total / tokens, whole.view(*documents.shape, -1), tokens, events)

    def _targets(self, batch: EventBatch) -> EventTargets:
        return event_targets(batch, self.header_parts, self.place, self.get_buffer("continues"))

    @property
    def scored(self) -> Tensor:
        """(V, cell): what queries are scored against."""
        return self.embedding if self.output is None else self.output

    def scored_before(self, ids: Tensor) -> Tensor:
        """(N, P, cell): the rows of `scored`, scaled, of events with these ids (N, H + P); zero where there is none."""
        mine = ids[:, self.header_parts :]
        there = self.place[mine] == torch.arange(self.header_parts, ids.shape[1], device=ids.device)
        return functional.embedding(mine, self.scored) * there[..., None] / SPREAD

    def _session(self, hidden: Tensor, session: Tensor, first: Tensor, by_part: Tensor) -> Tensor:
        """Nats of the session flags; a history's first event has none, which costs nothing."""
        scores = self.session_head(hidden).squeeze(1).float()
        nats = functional.binary_cross_entropy_with_logits(scores, session.float(), reduction="none") * ~first
        by_part[:, self.event_parts] = nats.detach()
        return nats.sum()

    def _part(self, part: int, query: Tensor, ids: Tensor, scored: Tensor) -> tuple[Tensor, Tensor]:
        candidates, rank = self.get_buffer(f"candidates_{part}"), self.get_buffer("rank")
        weight = scored[candidates]
        query = torch.cat((query, torch.ones_like(query[:, :1])), 1)
        return part_loss(query, weight, rank[ids], self.config, self.training)

    def _tail(
        self, part: int, contexts: Tensor, ids: Tensor, going: Tensor, at: Tensor, batch: EventBatch
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(summed nats with their gradient, nats of each, number of tokens) of the tails of a part's n cells.

        `going` are those of the n that may have one, and `at` the numbers of their cells.
        """
        nats = torch.zeros(len(ids), device=ids.device)
        if not len(going):
            return contexts.sum() * 0, nats, going.sum()
        found = _tails_of(batch, at)
        tails = Tails(batch.tails, found.start, found.length)
        embedded, scored = self.embedding / SPREAD, torch.cat((self.scored, self.bias), 1)
        begin = functional.embedding(ids[going], embedded)
        place = self.header_parts + part
        earlier = self._expected(at, ids[going], batch)
        loss, each = self.tail_decoder.loss(place, contexts[going], begin, tails, earlier, embedded, scored)
        return loss, nats.index_copy(0, going, each), tails.length.sum()

    @staticmethod
    def _expected(cells: Tensor, ids: Tensor, batch: EventBatch) -> Tails:
        """The tails of the same parts in the events before, where those began with the same tokens."""
        before = cells - batch.ids.shape[2]
        found = _tails_of(batch, before)
        return found._replace(length=torch.where(batch.ids.flatten()[before] == ids, found.length, -1))


def _tails_of(batch: EventBatch, cells: Tensor) -> Tails:
    """The tail of each of the cells; most have none."""
    if not len(batch.tail_cells):
        return Tails(batch.tails, torch.zeros_like(cells), torch.zeros_like(cells))
    at = torch.searchsorted(batch.tail_cells, cells).clamp(max=len(batch.tail_cells) - 1)
    start = batch.tail_offsets[at]
    return Tails(batch.tails, start, (batch.tail_offsets[at + 1] - start) * (batch.tail_cells[at] == cells))


def event_parameters(config: EventModelConfig, layout: Layout) -> tuple[int, int]:
    """(all, without what has a row for each token or position) of an event model, counted, not built."""
    calendar, elapsed = (len(found) for found in time_parts(layout))
    width, cell, parts = config.width, config.cell, layout.event_parts
    inside = decoder_parameters(config) + (layout.header_parts + parts) * cell * width + width
    inside += Clock.parameters_of(calendar, elapsed, width) + FACTORS
    inside += Heads.parameters_of(config, parts) + width + 1
    inside += TailDecoder.parameters_of(config)
    rows = config.vocabulary_size * (cell * (1 if config.tied else 2) + 1)
    if "learned" in config.position:
        rows += config.block * width
    return inside + rows, inside
