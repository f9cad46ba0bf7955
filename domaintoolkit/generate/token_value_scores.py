"""The probability that each of many values is the next one of a field, by a token model.

A value is a path of tokens, and its probability the product of those of its tokens and of its end, each among the
tokens that the syntax allows there. Values with the same beginning share it: each beginning that something can follow
is read once for all histories. What comes before the field in the next event is drawn, as for event models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.generate.value_scores import LONGEST, ValueTokens
from domaintoolkit.grammar import Place, index_events
from domaintoolkit.model.evaluation_mode import evaluation_mode
from domaintoolkit.model.layers.decoder import Cache
from domaintoolkit.model.targets import find_continuing
from domaintoolkit.model.token_model import TokenModel
from domaintoolkit.util.ragged import group_by_length
from domaintoolkit.windows.packing import WindowRule
from domaintoolkit.windows.prefixes import ReadingRule

__all__ = ["TokenValueScorer"]

ROWS = 1 << 8
"""Rows, a history and a draw of what comes before the field, that are scored at a time."""
POSITIONS = 1 << 13
"""Positions of a batch of histories, padding included."""
MOST = 2_000
"""Beginnings of values that are read one after another at most."""

Ints = NDArray[np.integer[Any]]


class TokenValueScorer:
    """Scores V values of the parts from `place` on, which are those of a field, after any histories.

    Raises `SchemaError` for a model of composites, and for values that begin in more than `MOST` ways.
    """

    def __init__(
        self,
        model: TokenModel,
        place: int,
        values: ValueTokens,
        sessions: bool = True,
        samples: int = 16,
        seed: int = 0,
    ) -> None:
        if model.config.composites:
            reason = "needs a model of base tokens: a composite may hold tokens of several fields"
            raise SchemaError([Problem("next", reason)], "options")
        self.model, self.place, self.sessions, self.seed, self.count = model, place, sessions, seed, len(values)
        self.first = place - model.header_parts
        self.samples = samples if self.first else 1
        bounds = zip(values.offsets[:-1].tolist(), values.offsets[1:].tolist(), strict=True)
        self.values = [tuple(values.tokens[low:high].tolist()) for low, high in bounds]
        tables = [model.place.long(), model.start, model.fusible, model.fills.long()]
        self.of, self.start, _, self.fills = tables
        self.goes_on = find_continuing(self.of, self.start, model.fusible, self.fills)
        parts = model.header_parts + model.event_parts
        numbers = torch.arange(parts, device=model.device)[:, None]
        # (H + P, V) the tokens that begin each part, and those that continue it
        self.begins = (self.of == numbers) & self.start
        self.continues = ((self.of == numbers) & ~self.start) | (self.of == Place.BYTE)
        read = {value[:end] for value in self.values for end in range(1, len(value) + 1) if self._is_read(value, end)}
        if len(read) > MOST:
            reason = f"values of this field begin in {len(read):,} ways, and a token model reads each: at most {MOST:,}"
            raise SchemaError([Problem("next", reason)], "options")

    def reading(self, rule: WindowRule) -> ReadingRule:
        """The windows of histories: the parts before the field and the longest value have their places behind them."""
        room = self.model.config.block - max(map(len, self.values)) - (self.first + 2)
        return ReadingRule(rule, room, "tokens")

    def _is_read(self, value: tuple[int, ...], end: int) -> bool:
        """Return True if something may follow the first tokens of a value."""
        return end < len(value) or bool(self.goes_on[self._opening(value[:end])])

    def _opening(self, tokens: tuple[int, ...]) -> int:
        """The token that begins the last part of these."""
        return next(token for token in reversed(tokens) if bool(self.start[token]))

    @torch.inference_mode()
    def log_probabilities(
        self,
        ids: Ints,
        offsets: Ints,
        cuts: Sequence[Ints],
        session: bool | None = None,
        wanted: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float32]:
        """As `ValueScorer.log_probabilities`; all values are scored, whatever is wanted."""
        model = self.model
        with evaluation_mode(model):
            contexts = self._contexts(np.asarray(ids), np.asarray(offsets), cuts)
            out = np.empty((len(contexts), self.count), np.float32)
            generator = torch.Generator().manual_seed(self.seed)
            most = max(1, ROWS // (2 * self.samples))
            for group in group_by_length(np.array([len(each) for each in contexts]), POSITIONS):
                for low in range(0, len(group), most):
                    chosen = group[low : low + most]
                    out[chosen] = self._score([contexts[each] for each in chosen], session, generator).cpu().numpy()
        return out

    def _contexts(self, ids: Ints, offsets: Ints, cuts: Sequence[Ints]) -> list[Ints]:
        """The tokens of the header and the events before each next event."""
        index = index_events(ids, offsets, self.model.layout)
        found = []
        for row, own in enumerate(cuts):
            # (events + 1,) where each event begins, and where the last ends
            bounds = np.append(index.starts[index.offsets[row] : index.offsets[row + 1]], offsets[row + 1])
            found += [ids[offsets[row] : bounds[cut]] for cut in own]
        return found

    def _score(self, contexts: list[Ints], session: bool | None, generator: torch.Generator) -> Tensor:
        """(n, V) log-probabilities after some histories."""
        cache, device = Cache(), self.model.device
        sizes = torch.tensor([len(each) for each in contexts], device=device)
        # (n, T) filled up on the right, and (n, T) True for real tokens
        padded = torch.zeros(len(contexts), int(sizes.max()), dtype=torch.long, device=device)
        for row, each in enumerate(contexts):
            padded[row, : len(each)] = torch.from_numpy(each.astype(np.int64)).to(device)
        real = torch.arange(padded.shape[1], device=device) < sizes[:, None]
        hidden = self.model.read(padded, real, cache)
        # (n, V) after the last token of each
        logits = self.model.logits(hidden[torch.arange(len(sizes), device=device), sizes - 1]).float()
        is_session = self.of == Place.SESSION
        # (V,) the tokens that can begin an event
        opening = is_session | self.begins[self.model.header_parts]
        # (n,) of an event that begins a session
        chance = _within(logits, opening)[:, is_session].flatten().exp()
        ways = self.samples
        # (ways, n) the logarithm of each way's share, and True if it begins a session
        shares = torch.full((ways, len(contexts)), -float(np.log(ways)), device=device)
        opens = torch.full((ways, len(contexts)), bool(session), device=device)
        if session is None and self.sessions and self.first:
            opens = torch.rand(ways, len(contexts), generator=generator).to(device) < chance
        elif session is None and self.sessions:
            ways, shares = 2, torch.stack([(1 - chance).log(), chance.log()])
            opens = torch.tensor([[False], [True]], device=device).expand(2, len(contexts))
        # (R,) rows lie way by way, so that R is ways times n
        rows = torch.arange(len(contexts), device=device).repeat(ways)
        cache.pick(rows)
        logits, begun = logits[rows], opens.flatten()
        if bool(begun.any()):
            # (R,) rows without a session keep the logits that they have
            token = is_session.nonzero().flatten().expand(len(rows))
            logits = torch.where(begun[:, None], self._read(token, begun, cache), logits)
        if self.first:
            logits = self._draw_before(logits, cache, generator)
        total = torch.zeros(len(rows), self.count, device=device)
        self._walk(logits, self.begins[self.place], 0, list(range(self.count)), cache, total)
        return (total.view(ways, len(contexts), -1) + shares[..., None]).logsumexp(0)

    def _read(self, tokens: Tensor, real: Tensor, cache: Cache) -> Tensor:
        """Logits (R, V) after one more token of each row, if it is real."""
        hidden = self.model.read(tokens[:, None], real[:, None], cache)
        return self.model.logits(hidden[:, 0]).float()

    def _draw_before(self, logits: Tensor, cache: Cache, generator: torch.Generator) -> Tensor:
        """Logits (R, V) after the parts before the field, drawn token by token."""
        device, count = logits.device, len(logits)
        # (R,) the place that comes next, the part that is being written, and the tokens of it so far
        following = torch.full((count,), self.model.header_parts, device=device)
        part, tail = torch.zeros_like(following), torch.zeros_like(following)
        going = torch.zeros(count, dtype=torch.bool, device=device)
        live = torch.ones(count, dtype=torch.bool, device=device)
        while bool(live.any()):
            # (R, V)
            allowed = self.begins[following] | (self.continues[part] & going[:, None])
            chances = logits.masked_fill(~allowed, -torch.inf).softmax(1).cpu()
            drawn = torch.multinomial(chances, 1, generator=generator).squeeze(1).to(device)
            begins = self.start[drawn]
            # the first token of the field itself only says that the part before it has ended
            live &= ~(begins & (following == self.place))
            logits = torch.where(live[:, None], self._read(drawn, live, cache), logits)
            opened = live & begins
            part = torch.where(opened, self.of[drawn], part)
            following = torch.where(opened, self.of[drawn] + self.fills[drawn], following)
            tail = torch.where(opened, 0, tail + 1)
            going = torch.where(opened, self.goes_on[drawn], going) & (tail < LONGEST)
            live &= going | (following != self.place)
        return logits

    def _walk(
        self, logits: Tensor, allowed: Tensor, depth: int, chosen: list[int], cache: Cache, total: Tensor
    ) -> None:
        """Add to `total` (R, V) what comes after the first `depth` tokens of the chosen values, which they share.

        `logits` (R, vocabulary) are of the next token, which is among the `allowed`.
        """
        # (R, V)
        logs = _within(logits, allowed)
        # values by their next token, which is read once for all of them
        groups: dict[int, list[int]] = {}
        for value in chosen:
            if len(self.values[value]) > depth:
                groups.setdefault(self.values[value][depth], []).append(value)
        for token, same in groups.items():
            total[:, same] += logs[:, token, None]
            prefix = self.values[same[0]][: depth + 1]
            if not any(self._is_read(self.values[value], depth + 1) for value in same):
                continue
            own = Cache()
            # a copy of the references: other branches go on from the same keys and values
            own.layers, own.valid = list(cache.layers), cache.valid
            every = torch.ones(len(logits), dtype=torch.bool, device=logits.device)
            after = self._read(torch.full_like(every, token, dtype=torch.long), every, own)
            opening = self._opening(prefix)
            ending = self._after(int(self.of[opening] + self.fills[opening]))
            going = bool(self.goes_on[opening])
            more = ending | self.continues[int(self.of[opening])] if going else ending
            ended = [value for value in same if len(self.values[value]) == depth + 1]
            if ended and going:
                # a value that could go on has ended if the next token begins something else
                total[:, ended] += _within(after, more)[:, ending].logsumexp(1)[:, None]
            self._walk(after, more, depth + 1, same, own, total)

    def _after(self, following: int) -> Tensor:
        """bool (V,): the tokens that begin the part at a place, or the next event."""
        if following < len(self.begins):
            return self.begins[following]
        return self.begins[self.model.header_parts] | (self.of == Place.SESSION)


def _within(logits: Tensor, allowed: Tensor) -> Tensor:
    """Log-probabilities (R, V) among the allowed tokens (V,)."""
    return logits.masked_fill(~allowed, -torch.inf).log_softmax(1)
