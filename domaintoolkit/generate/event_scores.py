"""An event model as a distribution over the next token, the same that its likelihood is made of.

An event is written token by token. The distribution depends on where the history is: within a text or a spelled value,
it is over the tail's alphabet and the end of the tail; at the end of an event, over the session flag; otherwise, over
the tokens that can begin the next part. The negative logarithms add up to the nats that the model's loss reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from domaintoolkit.generate.constraints.next_tokens import OrderedWriter, Stage
from domaintoolkit.generate.draft import Line
from domaintoolkit.grammar import Place, event_starts
from domaintoolkit.model.batches import EventBatch
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.layers.decoder import Cache
from domaintoolkit.model.layers.tails import SPREAD, Tails

__all__ = ["EventScores"]

Position = list[int]
"""The tokens of a header or an event, or of the beginning of one."""


class EventScores:
    """Reads the whole positions of B lines, and scores what comes next in the position that is being written."""

    def __init__(self, model: EventModel, count: int, writer: OrderedWriter) -> None:
        self.model, self.writer, self.cache = model, writer, Cache()
        self.syntax = model.layout
        self.place = self.syntax.place.tolist()
        self.start = self.syntax.start.tolist()
        self.read = [0] * count
        """Tokens of each line that have been read."""
        self.last: list[Position] = [[] for _ in range(count)]
        """The last position of each line that was read."""
        # (B, K, P) the parts of the latest events of each line, as `EventModel.earlier_ids`
        self.earlier = torch.zeros(
            count, max(1, model.config.recent), model.event_parts, dtype=torch.long, device=model.device
        )
        self.hidden = torch.zeros(count, model.config.width, device=model.device)
        """The hidden state of that position."""

    def next(self, lines: Sequence[Line]) -> Tensor:
        """Log-probabilities, float32 (B, V + 1) on the CPU, within the stage that each line is in."""
        self._read([[] if line.done else self._unread(row, line) for row, line in enumerate(lines)])
        model, device = self.model, self.model.device
        own = [[] if line.done else list(line.context[line.whole :]) for line in lines]
        cells = model.cells(self._batch([[tokens] for tokens in own]).to(device))[:, 0]  # (B, H + P, cell)
        opened = [bool(tokens) and self.place[tokens[0]] == Place.SESSION for tokens in own]  # (B,)
        contexts, queries = model.heads(
            self.hidden,
            torch.tensor(opened, device=device),
            cells[:, model.header_parts :],
            model.embed_scored(self.earlier[:, 0]),
        )  # (B, P, context), (B, P, cell); with a header, both get H more parts
        if model.header_heads is not None:
            found = model.header_heads(cells[:, : model.header_parts])
            contexts, queries = (torch.cat(pair, 1) for pair in zip(found, (contexts, queries), strict=True))
        # (B, V + 1): the last column is for going on without a token, at the end of a tail or without a session
        out = torch.full((len(lines), len(self.place) + 1), -torch.inf, device=device)
        self._fill(out, lines, own, contexts, queries)
        return out.cpu()

    def pick(self, rows: Sequence[int]) -> None:
        """Go on with these lines."""
        chosen = torch.tensor(list(rows), device=self.model.device)
        self.cache.pick(chosen)
        self.hidden, self.earlier = self.hidden[chosen], self.earlier[chosen]
        self.read, self.last = [self.read[row] for row in rows], [self.last[row] for row in rows]

    def _unread(self, row: int, line: Line) -> list[Position]:
        """The whole positions of a line that have not been read."""
        tokens = list(line.context[self.read[row] : line.whole])
        if not tokens:
            return []
        self.read[row] = line.whole
        starts = event_starts(np.array(tokens, np.int64), self.syntax)
        # 0 for the header, if the line begins with it
        return [tokens[low:high] for low, high in pairwise(sorted({0, *starts.tolist(), len(tokens)}))]

    def _read(self, fresh: list[list[Position]]) -> None:
        if not any(fresh):
            return
        batch = self._batch(fresh).to(self.model.device)
        hidden = self.model.read(batch, self.cache).float()  # (B, T, width)
        for row, positions in enumerate(fresh):
            if positions:
                self.hidden[row], self.last[row] = hidden[row, len(positions) - 1], positions[-1]
                # (new positions, P) the latest first; a header has none of the parts
                new = batch.ids[row, : len(positions), self.model.header_parts :].flip(0)
                self.earlier[row] = torch.cat((new, self.earlier[row]))[: self.earlier.shape[1]]

    def _batch(self, rows: Sequence[Sequence[Position]]) -> EventBatch:
        """One row for each line, with its positions; they need not be whole."""
        count, length = len(rows), max(1, *map(len, rows))
        parts = self.model.header_parts + self.model.event_parts
        ids = torch.zeros(count, length, parts, dtype=torch.long)
        header, session = (torch.zeros(count, length, dtype=torch.bool) for _ in range(2))
        documents = torch.full((count, length), -1)
        # the tokens after the start token of cell `cells[i]` are `tails[ends[i] : ends[i + 1]]`
        # cells are numbered through ids (B, T, parts)
        cells: list[int] = []
        tails: list[int] = []
        ends = [0]
        for row, positions in enumerate(rows):
            documents[row, : len(positions)] = 0
            for step, tokens in enumerate(positions):
                cell = -1
                for token in tokens:
                    place = self.place[token]
                    if self.start[token]:
                        ids[row, step, place], cell = token, (row * length + step) * parts + place
                    elif place in (Place.BOS, Place.SESSION):
                        (header if place == Place.BOS else session)[row, step] = True
                    else:
                        if not cells or cells[-1] != cell:
                            cells.append(cell)
                            ends.append(ends[-1])
                        tails.append(token)
                        ends[-1] += 1
        of, offsets, rest = (torch.tensor(values, dtype=torch.long) for values in (cells, ends, tails))
        return EventBatch(ids, header, session, documents, of, offsets, rest)

    def _fill(self, out: Tensor, lines: Sequence[Line], own: list[Position], contexts: Tensor, queries: Tensor) -> None:
        """Write the log-probabilities of each line into `out`; lines at the same part are scored together."""
        model, groups = self.model, dict[tuple[Stage, int], list[int]]()
        for row, line in enumerate(lines):
            if line.done:
                continue
            stage = self.writer.stage(line.state)
            place = line.state.place if stage == "tail" else line.state.following
            # after the last part comes the first part of the next event
            place = model.header_parts if place == model.header_parts + model.event_parts else place
            groups.setdefault((stage, place), []).append(row)
        for (stage, place), rows in groups.items():
            chosen = torch.tensor(rows, device=out.device)
            if stage == "part":
                part, gains = place - model.header_parts, None
                if part >= 0:
                    gains = model.gains(place, contexts[chosen, place], self.earlier[chosen, :, part])
                # (rows, candidates of the part)
                scores = model.scores(place, queries[chosen, place], gains)
                out[chosen[:, None], model.candidates(place)] = scores.log_softmax(1)
            elif stage == "tail":
                found, ids = self._tails(place, [own[row] for row in rows], rows, contexts[chosen, place])
                out[chosen[:, None], torch.cat((ids, ids.new_tensor([out.shape[1] - 1])))] = found
            else:
                # one logit a row: the probabilities of a session and of none add up to 1
                score = model.session_head(self.hidden[chosen]).squeeze(1)
                out[chosen, self.place.index(Place.SESSION)] = torch.nn.functional.logsigmoid(score)
                out[chosen, -1] = torch.nn.functional.logsigmoid(-score)

    def _tails(self, place: int, own: list[Position], rows: list[int], contexts: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of what follows the tails so far of the part at `place`, and the ids that they are for.

        The last one is for the end of the tail.
        """
        model = self.model
        mine = [self._cell(tokens, place) for tokens in own]
        past = [self._cell(self.last[row], place) for row in rows]
        # a tail may copy the tail of the event before, if both have the same start token; else that has the length -1
        same_start = [bool(before) and before[0] == cell[0] for cell, before in zip(mine, past, strict=True)]
        tails = _concat([cell[1:] for cell in mine], model.device)
        before = _concat([cell[1:] if same else [] for cell, same in zip(past, same_start, strict=True)], model.device)
        length = torch.where(torch.tensor(same_start, device=model.device), before.length, -1)
        embedded, scored = model.embedding / SPREAD, torch.cat((model.scored, model.bias), 1)
        first = embedded[torch.tensor([cell[0] for cell in mine], device=model.device)]  # (rows, cell)
        before = before._replace(length=length)
        return model.tail_decoder.following(place, contexts, first, tails, before, embedded, scored)

    def _cell(self, tokens: Position, place: int) -> list[int]:
        """The tokens of one part of a position; none if the position has no such part."""
        found: list[int] = []
        for token in tokens:
            if self.start[token] and self.place[token] == place:
                found = [token]
            elif found and self.start[token]:
                break
            elif found:
                found.append(token)
        return found


def _concat(tails: Sequence[Sequence[int]], device: torch.device) -> Tails:
    """Tails in one flat tensor."""
    length = torch.tensor(list(map(len, tails)), device=device)
    flat = torch.tensor([token for tail in tails for token in tail], dtype=torch.long, device=device)
    return Tails(flat, length.cumsum(0) - length, length)
