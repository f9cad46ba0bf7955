"""An event model as a distribution over the next token: the same one that its likelihood is made of.

An event is told token by token. What comes next depends on where the history is: in a text or a spelled value it
is one of the tail's alphabet, or its end; at the end of an event it is the session flag; and otherwise one of the
tokens that can begin the next part. The negative logarithms add up to the nats that the model's loss reports.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from domaintoolkit.generate.constraints.next_tokens import Stage, Writer
from domaintoolkit.generate.draft import Line
from domaintoolkit.grammar import Place
from domaintoolkit.model.batches import EventBatch
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.layers.decoder import Cache
from domaintoolkit.model.layers.tails import SPREAD, Tails

__all__ = ["EventReader"]

Position = list[int]
"""The tokens of a header or an event, which may not be whole."""


class EventReader:
    """Reads whole positions of B lines, and says what comes next in the position that is being written."""

    def __init__(self, model: EventModel, count: int, writer: Writer) -> None:
        self.model, self.writer, self.cache = model, writer, Cache()
        self.place = model.place.cpu().tolist()
        self.start = model.start.cpu().tolist()
        self.read = [0] * count
        """Tokens of each line that have been read."""
        self.last: list[Position] = [[] for _ in range(count)]
        """The last position that was read of each."""
        self.known = torch.zeros(count, model.config.width, device=model.device)
        """Its hidden state."""

    def scores(self, lines: Sequence[Line]) -> Tensor:
        """Log-probabilities (B, V + 1) within the stage that each line is in."""
        self._read([[] if line.done else self._news(row, line) for row, line in enumerate(lines)])
        model, device = self.model, self.model.device
        own = [[] if line.done else list(line.context[line.whole :]) for line in lines]
        cells = model.cells(self._batch([[tokens] for tokens in own]).to(device))[:, 0]
        before = self._batch([[tokens] for tokens in self.last]).ids[:, 0].to(device)
        session = torch.tensor(
            [bool(tokens) and self.place[tokens[0]] == Place.SESSION for tokens in own], device=device
        )
        contexts, queries = model.heads(
            self.known, session, cells[:, model.header_parts :], model.scored_before(before)
        )
        if model.header_heads is not None:
            found = model.header_heads(cells[:, : model.header_parts])
            contexts, queries = (torch.cat(pair, 1) for pair in zip(found, (contexts, queries), strict=True))
        out = torch.full((len(lines), len(self.place) + 1), -torch.inf, device=device)
        self._fill(out, lines, own, contexts, queries)
        return out.cpu()

    def pick(self, rows: Sequence[int]) -> None:
        """Go on with these lines."""
        chosen = torch.tensor(list(rows), device=self.model.device)
        self.cache.pick(chosen)
        self.known = self.known[chosen]
        self.read, self.last = [self.read[row] for row in rows], [self.last[row] for row in rows]

    def _news(self, row: int, line: Line) -> list[Position]:
        """The whole positions of a line that have not been read."""
        found: list[Position] = []
        for token in line.context[self.read[row] : line.whole]:
            place = self.place[token]
            opens = place in (Place.BOS, Place.SESSION) or (place == self.model.header_parts and self.start[token])
            if opens and not (found and self.place[found[-1][-1]] == Place.SESSION):
                found.append([])
            found[-1].append(token)
        self.read[row] = max(self.read[row], line.whole)
        return found

    def _read(self, news: list[list[Position]]) -> None:
        if not any(news):
            return
        batch = self._batch(news).to(self.model.device)
        hidden = self.model.read(batch, self.cache).float()
        for row, positions in enumerate(news):
            if positions:
                self.known[row], self.last[row] = hidden[row, len(positions) - 1], positions[-1]

    def _batch(self, rows: Sequence[Sequence[Position]]) -> EventBatch:
        """A row of positions each; positions need not be whole."""
        count, length = len(rows), max(1, *map(len, rows))
        parts = self.model.header_parts + self.model.event_parts
        ids = torch.zeros(count, length, parts, dtype=torch.long)
        header, session = (torch.zeros(count, length, dtype=torch.bool) for _ in range(2))
        documents = torch.full((count, length), -1)
        cells: list[int] = []
        tails: list[int] = []
        ends = [0]
        for row, positions in enumerate(rows):
            documents[row, : len(positions)] = 0
            for step, tokens in enumerate(positions):
                at = -1
                for token in tokens:
                    place = self.place[token]
                    if self.start[token]:
                        ids[row, step, place], at = token, (row * length + step) * parts + place
                    elif place in (Place.BOS, Place.SESSION):
                        (header if place == Place.BOS else session)[row, step] = True
                    else:
                        if not cells or cells[-1] != at:
                            cells.append(at)
                            ends.append(ends[-1])
                        tails.append(token)
                        ends[-1] += 1
        of, offsets, rest = (torch.tensor(values, dtype=torch.long) for values in (cells, ends, tails))
        return EventBatch(ids, header, session, documents, of, offsets, rest)

    def _fill(self, out: Tensor, lines: Sequence[Line], own: list[Position], contexts: Tensor, queries: Tensor) -> None:
        """Write each line's log-probabilities, those of the same part together."""
        model, groups = self.model, dict[tuple[Stage, int], list[int]]()
        for row, line in enumerate(lines):
            if line.done:
                continue
            stage = self.writer.stage(line.state)
            place = line.state.place if stage == "tail" else line.state.following
            place = model.header_parts if place == model.header_parts + model.event_parts else place
            groups.setdefault((stage, place), []).append(row)
        for (stage, place), rows in groups.items():
            chosen = torch.tensor(rows, device=out.device)
            if stage == "part":
                ids = model.candidates(place)
                scores = queries[chosen, place] @ model.scored[ids].t() + model.bias[ids, 0]
                out[chosen[:, None], ids] = scores.float().log_softmax(1)
            elif stage == "tail":
                found, ids = self._tails(place, [own[row] for row in rows], rows, contexts[chosen, place])
                out[chosen[:, None], torch.cat((ids, ids.new_tensor([out.shape[1] - 1])))] = found
            else:
                score = model.session_head(self.known[chosen]).squeeze(1)
                out[chosen, self.place.index(Place.SESSION)] = torch.nn.functional.logsigmoid(score)
                out[chosen, -1] = torch.nn.functional.logsigmoid(-score)

    def _tails(self, place: int, own: list[Position], rows: list[int], contexts: Tensor) -> tuple[Tensor, Tensor]:
        """What follows the tails that the last parts of these positions have so far."""
        model = self.model
        mine = [self._cell(tokens, place) for tokens in own]
        past = [self._cell(self.last[row], place) for row in rows]
        again = [bool(before) and before[0] == cell[0] for cell, before in zip(mine, past, strict=True)]
        tails = _lined([cell[1:] for cell in mine], model.device)
        before = _lined([cell[1:] if same else [] for cell, same in zip(past, again, strict=True)], model.device)
        length = torch.where(torch.tensor(again, device=model.device), before.length, -1)
        embedded, scored = model.embedding / SPREAD, torch.cat((model.scored, model.bias), 1)
        first = embedded[torch.tensor([cell[0] for cell in mine], device=model.device)]
        before = before._replace(length=length)
        return model.tail_decoder.following(place, contexts, first, tails, before, embedded, scored)

    def _cell(self, tokens: Position, place: int) -> list[int]:
        """The tokens of one part of a position."""
        found: list[int] = []
        for token in tokens:
            if self.start[token] and self.place[token] == place:
                found = [token]
            elif found and self.start[token]:
                break
            elif found:
                found.append(token)
        return found


def _lined(tails: Sequence[Sequence[int]], device: torch.device) -> Tails:
    """Tails one after another."""
    length = torch.tensor(list(map(len, tails)), device=device)
    flat = torch.tensor([token for tail in tails for token in tail], dtype=torch.long, device=device)
    return Tails(flat, length.cumsum(0) - length, length)
