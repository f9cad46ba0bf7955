"""The event model: one position an event, its parts predicted by one head each from all events before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.grammar import Syntax
from domaintoolkit.model.batches import EXTRA_PARTS, EventBatch, EventTargets, LossReport
from domaintoolkit.model.bound_model import BoundModel
from domaintoolkit.model.config import EventModelConfig, decoder_parameters
from domaintoolkit.model.layers.attention import Kernel, Packing, pack
from domaintoolkit.model.layers.decoder import Cache, PackedDecoder
from domaintoolkit.model.layers.heads import HeaderHeads, Heads, log_partition, part_loss
from domaintoolkit.model.layers.later import LaterAggregates, LaterEvents, LaterRange, later_means
from domaintoolkit.model.layers.recent import Gains, RecentValues, recent_positions
from domaintoolkit.model.layers.tails import FACTORS, SPREAD, TailDecoder, TailEncoder, Tails
from domaintoolkit.model.layers.time_features import Clock, ranks, time_parts
from domaintoolkit.model.targets import event_targets, find_continuing

__all__ = ["EventModel", "event_parameters"]


class _Seen(NamedTuple):
    """A batch, and what its loss looks up again and again."""

    batch: EventBatch
    targets: EventTargets
    cells: Tensor
    """(B * T, H + P, cell)"""
    embedded: Tensor
    """(V, cell): what is read."""
    scored: Tensor
    """(V, cell + 1): what is scored against, the last column a bias."""


class EventModel(BoundModel):
    """The parts of an event, embedded, side by side and projected, plus hybrid time features, through the decoder.

    The likelihood of an event is that of its session flag, times one softmax a part over the tokens that can begin
    it, times that of the tails (`layers/tails.py`). That of a header is the same over its parts, each given those
    before it in the header. A history's first event has no session flag.
    """

    config: EventModelConfig
    config_type = EventModelConfig

    def __init__(self, config: EventModelConfig, syntax: Syntax, vocabulary_hash: str) -> None:
        super().__init__()
        self.config = config
        self.kernel: Kernel | None = None
        self.bind(syntax, vocabulary_hash)
        size, cell, width = config.vocabulary_size, config.cell, config.width
        self.embedding = nn.Parameter(torch.randn(size, cell) * SPREAD)
        self.output = None if config.tied else nn.Parameter(torch.randn(size, cell) * SPREAD)
        # (V, 1)
        self.bias = nn.Parameter(torch.zeros(size, 1))
        # tables with a row for each token, which grow when a vocabulary is extended
        self.grows = ("embedding", "bias") if config.tied else ("embedding", "bias", "output")
        self.project = nn.Linear((self.header_parts + self.event_parts) * cell, width, bias=False)
        self.flag = nn.Parameter(torch.randn(width) * SPREAD)
        self.steps = nn.Embedding(config.block, width) if "learned" in config.position else None
        self.tail_encoder = TailEncoder()
        self.clock = Clock(*time_parts(syntax), width)
        self.decoder = PackedDecoder(config)
        self.dropout = nn.Dropout(config.dropout)
        self.heads = Heads(config, self.event_parts)
        self.recent = RecentValues(config, self.event_parts) if config.recent else None
        self.session_head = nn.Linear(width, 1)
        self.tail_decoder = TailDecoder(config)
        self.header_heads = HeaderHeads(config, self.header_parts) if self.header_parts else None
        self.later = LaterEvents(config, self.event_parts) if config.later else None
        if self.later is not None:
            self.later_bias = nn.Parameter(torch.zeros(size, 1))
            self.grows += ("later_bias",)
        self.aggregates = LaterAggregates(config, self.event_parts) if config.aggregates else None
        self.rebound()

    def rebound(self) -> None:
        """Make the candidates of every part, and the alphabets of tails."""
        place, start = self.place, self.start
        rank = torch.zeros(len(place), dtype=torch.long, device=place.device)
        for part in range(self.header_parts + self.event_parts):
            ids, own = ranks(place, start, part)
            self.register_buffer(f"candidates_{part}", ids, persistent=False)
            # a token begins one part at the most, so the sum is its number there
            rank += own
        self.register_buffer("rank", rank, persistent=False)
        sizes = [len(self.candidates(part)) for part in range(self.header_parts + self.event_parts)]
        # (V,) where a token lies among those of its part, from 0 to 1; it is looked up for start tokens only
        share = torch.tensor([1.0, *sizes], device=place.device)[(place.long() + 1).clamp(min=0)]
        self.register_buffer("fraction", rank / share.clamp(min=2).sub(1), persistent=False)
        self.register_buffer("continues", find_continuing(place, start, self.fusible, self.fills), persistent=False)
        self.tail_decoder.tabulate(place, start)
        self.clock.tabulate(place, start)

    def cells(self, batch: EventBatch) -> Tensor:
        """Embeddings (B, T, H + P, cell) of the cells, tails included; zero if a position has no such part."""
        # (B, T, H + P): a missing part has the id 0, which is a token of another place
        there = self.place[batch.ids] == torch.arange(batch.ids.shape[2], device=batch.ids.device)
        found = functional.embedding(batch.ids, self.embedding) * there[..., None]
        if len(batch.tails):
            tails = functional.embedding(batch.tails, self.embedding)
            flat = self.tail_encoder(found.flatten(0, 2), batch.tail_cells, batch.tail_offsets, tails)
            found = flat.view(found.shape)
        return found / SPREAD

    def candidates(self, place: int) -> Tensor:
        """Ids of the tokens that can begin the part at a place of 0 to H + P - 1, rising."""
        return self.get_buffer(f"candidates_{place}")

    def hidden(self, batch: EventBatch, cells: Tensor | None = None) -> Tensor:
        """Normalised hidden states (B, T, width)."""
        count, length = batch.documents.shape
        shape, device = (count, length), batch.ids.device
        packing = pack(batch.documents, shape, self.config.head_width, device, self.kernel, batch.bounds)
        x = self._input(batch, self.cells(batch) if cells is None else cells, packing.positions, length)
        return self.decoder.run(self.dropout(x), packing)

    def read(self, batch: EventBatch, cache: Cache) -> Tensor:
        """Hidden states (B, n, width) of the next n positions of B histories, one history a row."""
        mask = cache.mask(batch.documents >= 0)
        assert cache.valid is not None
        # (B, n): padding does not count as a position
        positions = (cache.valid.long().cumsum(1)[:, -batch.documents.shape[1] :] - 1).clamp(min=0)
        x = self._input(batch, self.cells(batch), positions, int(positions.max()) + 1)
        return self.decoder.run(x, Packing("causal", positions), cache, mask)

    def _input(self, batch: EventBatch, cells: Tensor, positions: Tensor, length: int) -> Tensor:
        """The decoder's input, (B, T, width), at positions up to `length`."""
        # (B, T, (H + P) * cell) to (B, T, width)
        x = self.project(cells.flatten(2))
        x = x + (batch.session[..., None] * (self.flag / SPREAD)).to(x.dtype)
        x = x + self.clock(batch.ids) * ~batch.header[..., None]
        if self.steps is not None:
            if length > self.config.block:
                reason = f"longer than the block of {self.config.block} that the learned positions are for"
                raise DataError([Refusal(None, None, reason)])
            x = x + self.steps(positions)
        result: Tensor = x
        return result

    def loss(self, batch: EventBatch) -> LossReport:
        """Nats of every header, and of every event that follows it or another event, over their number of tokens."""
        cells = self.cells(batch)
        states = self.hidden(batch, cells)
        hidden = states.flatten(0, 1)
        wanted = batch.targets or event_targets(batch, self.header_parts, self.place, self.get_buffer("continues"))
        # (B * T, P + 3)
        nats = torch.zeros(len(hidden), self.event_parts + len(EXTRA_PARTS), device=hidden.device)
        tables = self.embedding / SPREAD, torch.cat((self.scored, self.bias), 1)
        seen = _Seen(batch, wanted, cells.flatten(0, 1), *tables)
        costs = [*self._headers(seen, nats), *self._events(seen, hidden, nats)]
        # begins with a 0 that has a gradient, so that a batch without targets trains too
        total = sum((loss for loss, _ in costs), hidden.sum() * 0)
        tokens = sum((count for _, count in costs), torch.zeros((), dtype=torch.long, device=hidden.device))
        events = torch.full((), len(wanted.source), device=hidden.device)
        mean, later = total / tokens.clamp(min=1), None
        if self.later is not None:
            nothing = hidden.sum() * 0
            later, aggregates = self._later(self.later, seen, states) if len(wanted.source) else (nothing, nothing)
            more = self.config.later * later + self.config.aggregates * aggregates
            mean = mean + more if self.training else mean
            later = later.detach()
        return LossReport(mean, nats.view(*batch.documents.shape, -1), tokens, events, later)

    def _later(self, head: LaterEvents, seen: _Seen, states: Tensor) -> tuple[Tensor, Tensor]:
        """(mean nats of a value of a later event, the share of their aggregates that is not explained), () each, given
        the weighted mean of its history at some position before it.

        The nats of a value are the logarithm of the sum over all candidates less its own score, and the mean score of
        values is the score of their mean row: only the sums are computed for each position.
        """
        batch = seen.batch
        chosen = head.choose(seen.targets.source)  # (n,) positions
        # (B * T, P)
        own = batch.ids.flatten(0, 1)[:, self.header_parts :]
        there = self.place[own] == torch.arange(self.header_parts, batch.ids.shape[2], device=own.device)
        tables = torch.cat((self.scored, self.later_bias), 1)
        # (B * T, P, cell + 1)
        rows = functional.embedding(own, tables) * there[..., None]
        shape = (*batch.documents.shape, self.event_parts)
        means, counts = later_means(rows.view(*shape, -1), there.view(shape), batch.documents, chosen)
        pooled = head.pool(states, batch.documents, chosen)
        queries = head(pooled)
        # (n, P, cell + 1): the 1 meets the bias
        queries = functional.pad(queries, (0, 1), value=1)
        costs = []
        for part in range(self.event_parts):
            place = self.header_parts + part
            known = self.get_buffer("rank")[own[seen.targets.source + 1, part][seen.targets.there[place]]]
            # (n,) each; a position without later values of this part costs nothing
            sums = log_partition(queries[:, part], tables[self.candidates(place)], known, self.config)
            nats = (sums - (queries[:, part] * means[:, part]).sum(1)) * (counts[:, part] > 0)
            costs.append(nats.sum() / (counts[:, part] > 0).sum().clamp(min=1))
        missed = states.sum() * 0
        if self.aggregates is not None and self.training:
            places = self.get_buffer("fraction")[own].view(shape)
            later = LaterRange(batch.documents, chosen)
            missed = self.aggregates(pooled, places, there.view(shape), batch.session, later)
        return torch.stack(costs).mean(), missed

    def _events(self, seen: _Seen, hidden: Tensor, nats: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """(summed nats with their gradient, number of tokens) of the parts of the events after `targets.source`.

        Writes the nats of each event into `nats` (B * T, P + 3).
        """
        batch, source = seen.batch, seen.targets.source
        if not len(source):
            return
        # (N, width) and (N,): a history lies whole in a row, so the next event is the next position
        known, target = hidden[source], source + 1
        session = batch.session.flatten()[target]
        # (N, P, cell)
        own = seen.cells[target][:, self.header_parts :]
        # (N, K, P); (N, P, width) and (N, P, cell)
        earlier = self.earlier_ids(batch, source)
        contexts, queries = self.heads(known, session, own, self.embed_scored(earlier[:, 0]))
        loss, each = self._session(known, session, batch.header.flatten()[source])
        nats[target, self.event_parts] = each
        yield loss, session.sum()
        for part in range(self.event_parts):
            place = self.header_parts + part
            there = seen.targets.there[place]
            rows = target[there]
            gains = self.gains(place, contexts[there, part], earlier[there, :, part])
            loss, each, tokens = self._part(place, contexts[there, part], queries[there, part], rows, seen, gains)
            nats[rows, part] = each
            yield loss, tokens

    def _headers(self, seen: _Seen, nats: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The same of the parts of the headers."""
        headers = seen.targets.headers
        if self.header_heads is None or not len(headers):
            return
        # (M, H, width) and (M, H, cell)
        contexts, queries = self.header_heads(seen.cells[headers][:, : self.header_parts])
        for place in range(self.header_parts):
            there = seen.targets.there[place]
            rows = headers[there]
            loss, each, tokens = self._part(place, contexts[there, place], queries[there, place], rows, seen, None)
            # all parts of a header share one column, so that they are added up
            nats[:, -1].index_add_(0, rows, each)
            yield loss, tokens

    @property
    def scored(self) -> Tensor:
        """(V, cell): what queries are scored against."""
        return self.embedding if self.output is None else self.output

    def earlier_ids(self, batch: EventBatch, at: Tensor) -> Tensor:
        """(n, K, P): the first tokens of the parts of the latest events of positions `at` (n,), the latest first; 0, a
        token of no part, if there is none. K is at least 1."""
        found = recent_positions(batch.documents, at, max(1, self.config.recent))
        ids = batch.ids.flatten(0, 1)[:, self.header_parts :]
        return ids[found.clamp(min=0)] * (found >= 0)[..., None]

    def embed_scored(self, ids: Tensor) -> Tensor:
        """(n, P, cell): the rows of `scored`, scaled, of the parts of events (n, P); zero for a token of no part."""
        places = torch.arange(self.header_parts, self.header_parts + self.event_parts, device=ids.device)
        return functional.embedding(ids, self.scored) * (self.place[ids] == places)[..., None] / SPREAD

    def gains(self, place: int, contexts: Tensor, earlier: Tensor) -> Gains | None:
        """The gains of the candidates of an event's part, given contexts (n, width) and `earlier_ids` (n, K) of it.

        None if the model has none.
        """
        if self.recent is None:
            return None
        # a part that an earlier token fills has the id 0, which is a token of another place
        numbers = torch.where(self.place[earlier] == place, self.get_buffer("rank")[earlier], -1)
        gains: Gains = self.recent(place - self.header_parts, contexts, numbers)
        return gains

    def scores(self, place: int, queries: Tensor, gains: Gains | None) -> Tensor:
        """float32 (n, candidates): the logits of the tokens that can begin the part at a place."""
        ids = self.candidates(place)
        found = (queries @ self.scored[ids].t() + self.bias[ids, 0]).float()
        return found if gains is None else gains.add_to(found)

    def _session(self, hidden: Tensor, session: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """(summed nats with their gradient, nats of each) of the session flags; a history's first event has none, which
        costs nothing."""
        scores = self.session_head(hidden).squeeze(1).float()
        nats = functional.binary_cross_entropy_with_logits(scores, session.float(), reduction="none") * ~first
        return nats.sum(), nats.detach()

    def _part(
        self, place: int, contexts: Tensor, queries: Tensor, rows: Tensor, seen: _Seen, gains: Gains | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(summed nats with their gradient, nats of each, number of tokens) of a part of the positions `rows` (n,)."""
        batch, going = seen.batch, seen.targets.going[place]
        # (n,) numbers of cells, as `EventBatch` counts them
        cells = rows * batch.ids.shape[2] + place
        ids = batch.ids.flatten()[cells]
        # (n, cell + 1): the 1 meets the bias, which is the last column of `scored`
        query = torch.cat((queries, torch.ones_like(queries[:, :1])), 1)
        weight, rank = seen.scored[self.candidates(place)], self.get_buffer("rank")
        loss, nats = part_loss(query, weight, rank[ids], gains, self.config, self.training)
        tokens = torch.full((), len(ids), device=ids.device)
        if not len(going):
            return loss, nats, tokens
        at = cells[going]
        tails, begin = _tails_of(batch, at), functional.embedding(ids[going], seen.embedded)
        earlier = self._find_previous_tails(place, at, ids[going], batch)
        more, each = self.tail_decoder.loss(place, contexts[going], begin, tails, earlier, seen.embedded, seen.scored)
        return loss + more, nats.index_add(0, going, each), tokens + tails.length.sum()

    def _find_previous_tails(self, place: int, cells: Tensor, ids: Tensor, batch: EventBatch) -> Tails:
        """The tails of the same parts in the events before, if those began with the same tokens."""
        if place < self.header_parts:
            return Tails(batch.tails, torch.zeros_like(cells), torch.full_like(cells, -1))
        # the same part of the position before, which is of the same history
        before = cells - batch.ids.shape[2]
        found = _tails_of(batch, before)
        return found._replace(length=torch.where(batch.ids.flatten()[before] == ids, found.length, -1))


def _tails_of(batch: EventBatch, cells: Tensor) -> Tails:
    """The tail of each of the cells; most have none."""
    if not len(batch.tail_cells):
        return Tails(batch.tails, torch.zeros_like(cells), torch.zeros_like(cells))
    # (n,) where each cell is among those with a tail, if it is; otherwise the length becomes 0
    at = torch.searchsorted(batch.tail_cells, cells).clamp(max=len(batch.tail_cells) - 1)
    start = batch.tail_offsets[at]
    return Tails(batch.tails, start, (batch.tail_offsets[at + 1] - start) * (batch.tail_cells[at] == cells))


def event_parameters(config: EventModelConfig, syntax: Syntax) -> tuple[int, int]:
    """(all, without what has a row for each token or position) of an event model, counted, not built."""
    calendar, elapsed = (len(found) for found in time_parts(syntax))
    width, cell, parts = config.width, config.cell, syntax.event_parts
    inside = decoder_parameters(config) + (syntax.header_parts + parts) * cell * width + width
    inside += Clock.parameters_of(calendar, elapsed, width) + FACTORS
    inside += Heads.parameters_of(config, parts) + width + 1
    inside += RecentValues.parameters_of(config, parts) if config.recent else 0
    inside += TailDecoder.parameters_of(config)
    if syntax.header_parts:
        inside += HeaderHeads.parameters_of(config, syntax.header_parts)
    rows = config.vocabulary_size * (cell * (1 if config.tied else 2) + 1)
    if config.later:
        inside += LaterEvents.parameters_of(config, parts)
        rows += config.vocabulary_size
    if config.aggregates:
        inside += LaterAggregates.parameters_of(config, parts)
    if "learned" in config.position:
        rows += config.block * width
    return inside + rows, inside
