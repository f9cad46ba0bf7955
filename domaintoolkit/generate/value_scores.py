"""The probability that each of many values is the next one of a field, by an event model.

A value is the tokens that its encoder gives: one token, a path of levels, a marker and bytes, several parts. Its
probability is the product that the model's likelihood is made of. What comes before the field in the next event is
not known: the session flag is summed over, and fields before it are drawn from the model, `samples` times for each
history. So a field that comes first has exact probabilities, and so has every field of a model whose parts are
independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaintoolkit.model.batches import EventBatch
from domaintoolkit.model.evaluation_mode import evaluation_mode
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.event_tensors import events_from_streams
from domaintoolkit.model.layers.tails import SPREAD, Tails
from domaintoolkit.windows.packing import WindowRule
from domaintoolkit.windows.prefixes import ReadingRule

__all__ = ["ValueScorer", "ValueTokens"]

ROWS = 1 << 12
"""Rows, a history and a draw of what comes before the field, that are scored at a time."""
PAIRS = 1 << 15
"""Tails that are scored at a time."""
LONGEST = 16
"""Tokens of a tail that is drawn; the mean of more would be much the same."""

Ints = NDArray[np.integer[Any]]


class ValueTokens(NamedTuple):
    """Values of a field as tokens: value v is `tokens[offsets[v]:offsets[v + 1]]`, those of all its parts."""

    tokens: NDArray[np.int64]  # (tokens of all values,)
    offsets: NDArray[np.int64]  # (V + 1,)

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of the field, for V values."""

    starts: Tensor
    """int64 (V,): the start token; -1 if an earlier token fills the part."""
    tails: Tails
    """(V,)"""
    group: NDArray[np.int64]
    """(V,): the number of the value's tokens up to here, among all that differ."""


class _Rows(NamedTuple):
    """R rows: what the model knows before the next event, and the parts of it that are drawn or given."""

    hidden: Tensor  # (R, width)
    earlier: Tensor  # (R, K, P) the parts of the latest events
    before: Tensor  # (R, P, cell) the scored rows of the last of them
    last: Tensor
    """(R,) the flat position of the event before, in its batch."""
    session: Tensor  # (R,) True if the next event begins a session
    own: Tensor
    """(R, P, cell)"""

    def pick(self, rows: Any) -> _Rows:
        return _Rows(*(part[rows] for part in self))


class ValueScorer:
    """Scores V values of the parts from `place` on, which are those of a field, after any histories."""

    def __init__(
        self,
        model: EventModel,
        place: int,
        values: ValueTokens,
        sessions: bool = True,
        samples: int = 16,
        seed: int = 0,
    ) -> None:
        self.model, self.first, self.sessions, self.seed = model, place - model.header_parts, sessions, seed
        self.place, self.count = place, len(values)
        layout = model.layout
        # what comes before the field matters to a sequential model only
        self.samples = samples if self.first and model.config.sequential else 1
        self.parts = _split_values(values, place, layout.place, layout.start, model.device)
        self.goes_on = model.get_buffer("continues")
        self.has_tail = np.zeros(len(values), np.bool_)
        """(V,) True if the value begins with a token that others may follow."""
        for part in self.parts:
            there = part.starts.clamp(min=0)
            self.has_tail |= (self.goes_on[there] & (part.starts >= 0)).cpu().numpy()

    def reading(self, rule: WindowRule) -> ReadingRule:
        """The windows of histories that the model reads."""
        return ReadingRule(rule, self.model.config.block, "events")

    @torch.inference_mode()
    def log_probabilities(
        self,
        ids: Ints,
        offsets: Ints,
        cuts: Sequence[Ints],
        session: bool | None = None,
        wanted: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float32]:
        """(cases, V) for the event after the first `cuts[i]` events of stream i, for each of these numbers in turn.

        `session` says if that event begins a session, None if it is not known. With `wanted`, a value for each case,
        a spelled value gets no more than an upper bound if even that is below what the wanted value has.
        """
        model = self.model
        with evaluation_mode(model):
            batch = events_from_streams(ids, offsets, model.layout).batch().to(model.device)
            hidden = model.hidden(batch).float()
            length = batch.documents.shape[1]
            # (cases,) the position that is read last: the header is position 0
            at = torch.from_numpy(np.concatenate([row * length + np.asarray(own) for row, own in enumerate(cuts)]))
            at = at.to(model.device)
            known = hidden.flatten(0, 1)[at]  # (cases, width)
            earlier = model.earlier_ids(batch, at)  # (cases, K, P)
            generator = torch.Generator().manual_seed(self.seed)
            out = np.empty((len(at), self.count), np.float32)
            # twice, since the session flag may be summed over in place of drawn
            step = max(1, ROWS // (self.samples * 2))
            for low in range(0, len(at), step):
                chosen = slice(low, low + step)
                target = None if wanted is None else torch.from_numpy(wanted[chosen]).to(model.device)
                made = self._score(batch, known[chosen], earlier[chosen], at[chosen], session, target, generator)
                out[chosen] = made.cpu().numpy()
        return out

    def _score(
        self,
        batch: EventBatch,
        hidden: Tensor,
        earlier: Tensor,
        last: Tensor,
        session: bool | None,
        target: Tensor | None,
        generator: torch.Generator,
    ) -> Tensor:
        """(n, V) log-probabilities of a few cases."""
        model, count = self.model, len(hidden)
        # (n, P, cell) the parts of the next event: none is known yet
        own = torch.zeros(count, model.event_parts, model.config.cell, device=hidden.device)
        begins = torch.full((count,), bool(session), device=hidden.device)
        rows = _Rows(hidden, earlier, model.embed_scored(earlier[:, 0]), last, begins, own)
        # (ways, n): rows lie way by way, so that R is ways times n
        rows, shares = self._branch(rows, session is None, generator)
        ways = len(shares)
        if self.first and model.config.sequential:
            rows = rows._replace(own=self._draw_before(rows, generator))

        def mix(found: Tensor) -> Tensor:
            # (ways, n, V) to (n, V)
            return (found.view(ways, count, -1) + shares[..., None]).logsumexp(0)

        every = np.arange(self.count)
        if not self.has_tail.any():
            return mix(self._walk(batch, rows, 0, every, None))
        need = None
        if target is not None:
            # a value is at most as likely as its beginning: first the values wanted, then those that could be likelier
            bound = mix(self._walk(batch, rows, 0, every, torch.zeros(count, self.count, dtype=torch.bool)))
            need = torch.zeros(count, self.count, dtype=torch.bool)
            need[torch.arange(count), target.cpu()] = True
            best = mix(self._walk(batch, rows, 0, every, need))[torch.arange(count), target]
            need |= (bound >= best[:, None]).cpu()
        # what is not needed is scored as its beginning
        return mix(self._walk(batch, rows, 0, every, need))

    def _branch(self, rows: _Rows, is_open: bool, generator: torch.Generator) -> tuple[_Rows, Tensor]:
        """The cases once for each way that the event can begin, and (ways, n) the logarithm of each way's share.

        The ways are with and without a session, if that `is_open`; if parts come before the field, so many samples.
        """
        model, hidden, count = self.model, rows.hidden, len(rows.hidden)
        shares = torch.zeros(1, count, device=hidden.device)
        if is_open and self.sessions and model.config.sequential:
            # (n,)
            score = model.session_head(hidden).squeeze(1)
            if self.first:
                # (samples * n,) each sample draws its own session, and weighs one of so many
                rows = rows.pick(torch.arange(count, device=hidden.device).repeat(self.samples))
                chances = torch.rand(len(rows.hidden), generator=generator).to(hidden.device)
                rows = rows._replace(session=chances < score.sigmoid().repeat(self.samples))
                shares = shares.expand(self.samples, -1) - np.log(self.samples)
            else:
                # both ways are computed, and weighed by their probabilities: no draw is needed
                rows = rows.pick(torch.arange(count, device=hidden.device).repeat(2))
                rows = rows._replace(session=torch.arange(len(rows.hidden), device=hidden.device) >= count)
                no, yes = torch.nn.functional.logsigmoid(-score), torch.nn.functional.logsigmoid(score)
                # (2, n) the first n rows are without a session, the others with one
                shares = torch.stack([no, yes])
        elif self.samples > 1:
            rows = rows.pick(torch.arange(count, device=hidden.device).repeat(self.samples))
            shares = shares.expand(self.samples, -1) - np.log(self.samples)
        return rows, shares

    def _walk(
        self, batch: EventBatch, rows: _Rows, number: int, chosen: NDArray[np.int64], need: Tensor | None
    ) -> Tensor:
        """(R, chosen) log-probabilities of the parts from `number` on of the chosen values, given those before.

        Tails are scored for the values that each case needs (n, V), default all; R is a multiple of n.
        """
        model, part = self.model, self.parts[number]
        contexts, queries = model.heads(rows.hidden, rows.session, rows.own, rows.before)
        at, place = self.first + number, self.place + number
        # (R, candidates); `rank` (V,) is the number of a token among those of its part
        logs, rank = self._first_tokens(rows, place, contexts[:, at], queries[:, at]), model.get_buffer("rank")
        picked = torch.from_numpy(chosen).to(logs.device)
        starts = part.starts[picked]
        there = starts >= 0
        total = torch.where(there, logs[:, rank[starts.clamp(min=0)]], 0.0)
        self._add_tails(total, contexts[:, at], rows, batch, number, picked, need)
        if number + 1 < len(self.parts):
            for group in np.unique(part.group[chosen]):
                # values with the same tokens so far share the state of the next part: it is computed once for all
                inside = np.flatnonzero(part.group[chosen] == group)
                # the next part is filled already for all of them: whole-field tokens such as null
                if bool((self.parts[number + 1].starts[picked[inside]] < 0).all()):
                    continue
                own = rows.own.clone()
                own[:, at] = self._cell(part, int(chosen[inside[0]]))
                more = self._walk(batch, rows._replace(own=own), number + 1, chosen[inside], need)
                total[:, inside] += more
        return total

    def _first_tokens(self, rows: _Rows, place: int, contexts: Tensor, queries: Tensor) -> Tensor:
        """(R, candidates) log-probabilities of the tokens that can begin a part."""
        gains = self.model.gains(place, contexts, rows.earlier[:, :, place - self.model.header_parts])
        return self.model.scores(place, queries, gains).log_softmax(1)

    def _cell(self, part: _Part, value: int) -> Tensor:
        """(cell,) the embedding of one part of a value."""
        model = self.model
        cell = model.embedding[part.starts[value : value + 1]]
        length = part.tails.length[value : value + 1]
        if int(length):
            start = int(part.tails.start[value])
            tokens = part.tails.tokens[start : start + int(length)]
            ends = torch.tensor([0, int(length)], device=cell.device)
            cell = model.tail_encoder(
                cell, torch.zeros(1, dtype=torch.long, device=cell.device), ends, model.embedding[tokens]
            )
        return cell[0] / SPREAD

    def _add_tails(
        self,
        total: Tensor,
        contexts: Tensor,
        rows: _Rows,
        batch: EventBatch,
        number: int,
        picked: Tensor,
        need: Tensor | None,
    ) -> None:
        """Take the nats of the tails of one part off `total` (R, chosen)."""
        model, part, place = self.model, self.parts[number], self.place + number
        starts = part.starts[picked]
        # (going,) the chosen values that have more than one token in this part
        going = ((starts >= 0) & self.goes_on[starts.clamp(min=0)]).nonzero().flatten()
        if not len(going):
            return
        count = len(rows.hidden)
        if need is None:
            # (pairs,) each row with each of these values, or only with those that its case needs
            row, column = (grid.flatten() for grid in torch.meshgrid(torch.arange(count), going.cpu(), indexing="ij"))
        else:
            wanted = need[:, picked[going].cpu()].repeat(count // len(need), 1)
            row, column = wanted.nonzero(as_tuple=True)
            column = going.cpu()[column]
        embedded, scored = model.embedding / SPREAD, torch.cat((model.scored, model.bias), 1)
        row, column = row.to(total.device), column.to(total.device)
        # in pieces: a pair takes a hidden state for every token of its tail
        for low in range(0, len(row), PAIRS):
            here, which = row[low : low + PAIRS], column[low : low + PAIRS]
            value = picked[which]
            begin = part.starts[value]
            tails = Tails(part.tails.tokens, part.tails.start[value], part.tails.length[value])
            earlier = _tails_before(batch, rows.last[here], place, begin)
            if len(earlier.tokens):
                # one line of tokens for both
                line = torch.cat((tails.tokens, earlier.tokens))
                earlier = Tails(line, earlier.start + len(tails.tokens), earlier.length)
                tails = tails._replace(tokens=line)
            nats = model.tail_decoder.loss(place, contexts[here], embedded[begin], tails, earlier, embedded, scored)[1]
            total[here, which] -= nats

    def _draw_before(self, rows: _Rows, generator: torch.Generator) -> Tensor:
        """(R, P, cell) the parts before the field, drawn from the model one after another."""
        model, own = self.model, rows.own.clone()
        # (R,) the first part that no token fills yet
        until = torch.zeros(len(own), dtype=torch.long, device=own.device)
        for part in range(self.first):
            contexts, queries = model.heads(rows.hidden, rows.session, own, rows.before)
            place = model.header_parts + part
            # (R, K) drawn on the CPU, whose generator gives the same numbers on every machine
            chances = self._first_tokens(rows, place, contexts[:, part], queries[:, part]).exp().cpu()
            drawn = torch.multinomial(chances, 1, generator=generator).squeeze(1).to(own.device)
            ids = model.candidates(place)[drawn]
            # (R, cell)
            cells = model.embedding[ids]
            going = (until <= part) & self.goes_on[ids]
            if bool(going.any()):
                # (going,) rows whose part has further tokens
                at = going.nonzero().flatten()
                tails = self._draw_tails(place, contexts[at, part], ids[at], generator)
                kept = torch.tensor([number for number, tail in enumerate(tails) if tail], dtype=torch.long)
                if len(kept):
                    # (tokens,) those of all tails that are not empty, one after another
                    flat = torch.tensor([token for tail in tails for token in tail], device=own.device)
                    ends = torch.tensor([0, *np.cumsum([len(tail) for tail in tails if tail])], device=own.device)
                    cells = model.tail_encoder(cells, at[kept.to(at.device)], ends, model.embedding[flat])
            # a part that an earlier token fills stays empty
            own[:, part] = cells / SPREAD * (until <= part)[:, None]
            # a token such as null fills several parts
            until = torch.where(until <= part, part + model.fills[ids].long().clamp(min=1), until)
        return own

    def _draw_tails(self, place: int, contexts: Tensor, begin: Tensor, generator: torch.Generator) -> list[list[int]]:
        """The tails of parts that begin with these tokens, until each ends."""
        model = self.model
        tails: list[list[int]] = [[] for _ in begin]
        # rows whose tail has not ended
        live = list(range(len(tails)))
        embedded, scored = model.embedding / SPREAD, torch.cat((model.scored, model.bias), 1)
        for _ in range(LONGEST):
            if not live:
                break
            lengths = torch.tensor([len(tails[row]) for row in live], device=begin.device)
            flat = torch.tensor([token for row in live for token in tails[row]], dtype=torch.long, device=begin.device)
            so_far = Tails(flat, lengths.cumsum(0) - lengths, lengths)
            # as if the event before had no tail to copy from
            nothing = so_far._replace(length=torch.full_like(lengths, -1))
            at = torch.tensor(live, device=begin.device)
            # (live, choices + 1): the last choice ends the tail
            found, ids = model.tail_decoder.following(
                place, contexts[at], embedded[begin[at]], so_far, nothing, embedded, scored
            )
            drawn = torch.multinomial(found.exp().cpu(), 1, generator=generator).squeeze(1).tolist()
            going = []
            for row, number in zip(live, drawn, strict=True):
                if number < len(ids):
                    tails[row].append(int(ids[number]))
                    going.append(row)
            live = going
        return tails


def _tails_before(batch: EventBatch, last: Tensor, place: int, begin: Tensor) -> Tails:
    """The tails of the same part in the events before, -1 long if that began with another token."""
    # (n,) the same part of the event before, as cells are numbered in the batch
    cells = last * batch.ids.shape[2] + place
    same = batch.ids.flatten()[cells] == begin
    nothing = torch.zeros_like(cells)
    if not len(batch.tail_cells):
        return Tails(batch.tails, nothing, torch.where(same, 0, -1))
    at = torch.searchsorted(batch.tail_cells, cells).clamp(max=len(batch.tail_cells) - 1)
    start = batch.tail_offsets[at]
    length = (batch.tail_offsets[at + 1] - start) * (batch.tail_cells[at] == cells)
    return Tails(batch.tails, start, torch.where(same, length, -1))


def _split_values(values: ValueTokens, place: int, places: Any, start: Any, device: torch.device) -> list[_Part]:
    """The parts of values of a field that begins at `place`."""
    tokens = values.tokens
    owner = np.repeat(np.arange(len(values)), np.diff(values.offsets))  # (tokens,) the value of each
    opening = np.flatnonzero(np.asarray(start)[tokens])  # (start tokens,)
    part_of = np.asarray(places)[tokens[opening]].astype(np.int64) - place
    # (start tokens,) a tail goes up to the next start token
    ends = np.append(opening[1:], len(tokens))
    made: list[_Part] = []
    so_far: list[tuple[int, ...]] = [()] * len(values)
    for number in range(int(part_of.max(initial=0)) + 1):
        mine = part_of == number
        at, end = opening[mine], ends[mine]
        starts, begin, length = (
            np.full(len(values), -1),
            np.zeros(len(values), np.int64),
            np.zeros(len(values), np.int64),
        )
        starts[owner[at]], begin[owner[at]], length[owner[at]] = tokens[at], at + 1, end - at - 1
        for value, low, high in zip(owner[at].tolist(), at.tolist(), end.tolist(), strict=True):
            so_far[value] += tuple(tokens[low:high].tolist())
        numbers: dict[tuple[int, ...], int] = {}
        group = np.array([numbers.setdefault(key, len(numbers)) for key in so_far], np.int64)
        line, lows, sizes = (torch.from_numpy(each).to(device) for each in (tokens, begin, length))
        made.append(_Part(torch.from_numpy(starts).to(device), Tails(line, lows, sizes), group))
    return made
