"""The token model: one position a token, the next token predicted from all before it in its history."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.grammar import Place, Syntax
from domaintoolkit.model.batches import EXTRA_PARTS, LossReport, TokenBatch
from domaintoolkit.model.bound_model import BoundModel
from domaintoolkit.model.config import TokenModelConfig
from domaintoolkit.model.layers.attention import Kernel, Packing, pack
from domaintoolkit.model.layers.cross_entropy import cross_entropy
from domaintoolkit.model.layers.decoder import Cache, PackedDecoder
from domaintoolkit.model.layers.x_transformers import TransformerWrapper

__all__ = ["TokenModel"]

OWN = 1.28
"""Standard deviation of fresh embeddings, times the width. They are the output layer too, and a position's own
embedding is what its hidden state resembles most: its logit is about this number at first, at any width. At
1/sqrt(width) the first loss of a tied model is far above ln V."""


class TokenModel(BoundModel):
    """x-transformers' `TransformerWrapper` over `PackedDecoder`, for the ids of one vocabulary.

    `kernel` names how packed blocks are attended (see `model/layers/attention.py`); None chooses by the device.
    """

    def __init__(self, config: TokenModelConfig, syntax: Syntax, vocabulary_hash: str) -> None:
        super().__init__()
        self.config = config
        self.kernel: Kernel | None = None
        self.bind(syntax, vocabulary_hash)
        learned = "learned" in config.position
        self.transformer = TransformerWrapper(
            num_tokens=config.vocabulary_size,
            max_seq_len=config.block,
            attn_layers=PackedDecoder(config),
            use_abs_pos_emb=learned,
            tie_embedding=config.tied,
            tie_embedding_scale=1.0,
            emb_dropout=config.dropout,
        )
        spread = OWN / config.width
        nn.init.normal_(self.embedding, std=spread)
        # so small, they would drown in what the first attention adds to them
        self.transformer.post_emb_norm = nn.RMSNorm(config.width, elementwise_affine=False)
        self.grows = ("transformer.token_emb.emb.weight",)
        if learned:
            # x-transformers scales them by 1/sqrt(width)
            nn.init.normal_(self.transformer.pos_emb.emb.weight, std=spread * config.width**0.5)
        if not config.tied:
            nn.init.normal_(self.transformer.to_logits.weight, std=spread)
            self.grows += ("transformer.to_logits.weight",)

    @property
    def embedding(self) -> Tensor:
        """(V, width)"""
        weight: Tensor = self.transformer.token_emb.emb.weight
        return weight

    @property
    def output(self) -> Tensor:
        """(V, width): the output layer, which is the embedding if they are tied."""
        weight: Tensor = self.embedding if self.config.tied else self.transformer.to_logits.weight
        return weight

    def hidden(self, ids: Tensor, documents: Tensor | None = None, bounds: Tensor | None = None) -> Tensor:
        """Normalised hidden states (B, T, width); `documents` and `bounds` as in `TokenBatch`."""
        shape = (ids.shape[0], ids.shape[1])
        packing = pack(documents, shape, self.config.head_width, ids.device, self.kernel, bounds)
        return self._decode(ids, packing)

    def read(self, ids: Tensor, real: Tensor, cache: Cache) -> Tensor:
        """Hidden states (B, n, width) of the next n tokens of B histories; positions with `real` False are padding."""
        mask = cache.mask(real)
        assert cache.valid is not None
        positions = cache.valid.long().cumsum(1)[:, -ids.shape[1] :] - 1
        return self._decode(ids, Packing("causal", positions.clamp(min=0)), cache, mask)

    def _decode(self, ids: Tensor, packing: Packing, cache: Cache | None = None, mask: Tensor | None = None) -> Tensor:
        wrapper, decoder = self.transformer, self.transformer.attn_layers
        x: Tensor = wrapper.token_emb(ids)
        if "learned" in self.config.position:
            if ids.shape[1] > self.config.block or (
                cache is not None and int(packing.positions.max()) >= self.config.block
            ):
                reason = f"longer than the block of {self.config.block} that the learned positions are for"
                raise DataError([Refusal(None, None, reason)])
            x = x + wrapper.pos_emb(ids, pos=packing.positions)
        result: Tensor = decoder.run(wrapper.emb_dropout(wrapper.post_emb_norm(x)), packing, cache, mask)
        return result

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits (..., V) of hidden states (..., width)."""
        return nn.functional.linear(hidden, self.output)

    def forward(self, ids: Tensor, documents: Tensor | None = None) -> Tensor:
        """Logits (B, T, V) of the token after each position."""
        return self.logits(self.hidden(ids, documents))

    def loss(self, batch: TokenBatch) -> LossReport:
        """Mean nats of every token that follows another of its history."""
        ids, documents = batch.ids.long(), batch.documents
        hidden = self.hidden(ids, documents, batch.bounds)
        follows = (documents[:, 1:] == documents[:, :-1]) & (documents[:, 1:] >= 0)
        # the last position has no target: costs less than a copy of all the others
        targets = nn.functional.pad(torch.where(follows, ids[:, 1:], -1), (0, 1), value=-1)
        mean, nats = cross_entropy(hidden.flatten(0, 1), self.output, targets.flatten())
        with torch.no_grad():
            # (B, T - 1, 1): a token's cost is written at its own position, though the one before predicts it
            owners = self.owners(ids)[:, 1:, None]
            by_part = torch.zeros(*ids.shape, self.event_parts + len(EXTRA_PARTS), device=ids.device)
            by_part[:, 1:].scatter_(2, owners, nats.detach().view(ids.shape)[:, :-1, None])
            events = (self.events_in[ids[:, 1:]] * follows).sum()
        return LossReport(mean, by_part, follows.sum(), events)

    def owners(self, ids: Tensor) -> Tensor:
        """The entry of `part_names` that each token (B, T) belongs to: bytes and pieces to the part they continue."""
        place = self.place[ids].long()
        # (B, T) True for tokens that begin a part, and for specials and composites: their places are below a byte's
        begins = self.start[ids] | (place < Place.BYTE)
        steps = torch.arange(ids.shape[1], device=ids.device)
        # the place of the last such token at or before each position: its index is a running maximum
        owner = place.gather(1, torch.where(begins, steps, 0).cummax(1).values)
        parts = self.event_parts
        # entries in the order of `part_names`: event parts, [SESSION], [composite], [header]
        event = (owner - self.header_parts).clamp(min=0)
        found = torch.where(owner >= self.header_parts, event, parts + 2)
        found = torch.where(owner == Place.SESSION, parts, found)
        return torch.where(owner == Place.COMPOSITE, parts + 1, found)
