"""x-transformers' decoder, run by a forward pass that knows packed histories, parallel blocks and a cache.

The modules and their parameters are x-transformers'; a serial block computes what its own forward does (a test
holds them equal). Ours uses torch's fused norms, attends inside histories through several kernels, and adds
the parallel block, x' = x + attention(n) + feed-forward(n) with n = norm(x), which x-transformers does not have.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from domaintoolkit.model.config import TokenModelConfig
from domaintoolkit.model.layers.attention import Packing, attend, attend_together
from domaintoolkit.model.layers.cross_entropy import precision
from domaintoolkit.model.layers.x_transformers import Decoder, RMSNorm, apply_rotary_pos_emb

__all__ = ["Cache", "PackedDecoder"]


class Cache:
    """Keys and values of what has been read, for B histories; rows may be of different lengths."""

    def __init__(self) -> None:
        self.layers: list[tuple[Tensor, Tensor]] = []
        self.valid: Tensor | None = None

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append (B, heads, n, head width) to a layer; gives all of that layer."""
        if layer == len(self.layers):
            self.layers.append((key, value))
        else:
            old_key, old_value = self.layers[layer]
            self.layers[layer] = (torch.cat((old_key, key), 2), torch.cat((old_value, value), 2))
        return self.layers[layer]

    def pick(self, rows: Tensor) -> None:
        """Go on with these rows; one may be picked several times."""
        self.layers = [(key[rows], value[rows]) for key, value in self.layers]
        self.valid = None if self.valid is None else self.valid[rows]

    def mask(self, read: Tensor) -> Tensor:
        """Take note of which of the new positions (B, n) are real; the mask (B, 1, n, all) of what each may see."""
        count, new = read.shape
        self.valid = read if self.valid is None else torch.cat((self.valid, read), 1)
        causal = torch.ones(new, self.valid.shape[1], dtype=torch.bool, device=read.device)
        # (n, all): a new position sees all old ones, and the new ones up to itself
        causal = causal.tril(self.valid.shape[1] - new)
        return (causal & self.valid[:, None, :])[:, None].expand(count, 1, -1, -1) | _diagonal(new, self.valid)


def _diagonal(new: int, valid: Tensor) -> Tensor:
    """A position that is not real still sees itself, so that no row of the softmax is empty."""
    total = valid.shape[1]
    steps = torch.arange(new, device=valid.device)
    return steps[:, None] + (total - new) == torch.arange(total, device=valid.device)


class PackedDecoder(Decoder):  # type: ignore[misc]
    """The decoder of both models. `run` is our forward; `forward` stays x-transformers' own."""

    def __init__(self, config: TokenModelConfig) -> None:
        super().__init__(
            dim=config.width,
            depth=config.layers,
            heads=config.heads,
            attn_dim_head=config.head_width,
            attn_flash=True,
            attn_project_out=True,
            attn_dropout=config.dropout,
            # x-transformers rounds width * multiple down: half a unit more, and it is `inner` again
            ff_mult=(config.inner + 0.5) / config.width,
            ff_glu=config.gated,
            ff_swish=config.activation == "swiglu",
            ff_no_bias=not config.bias,
            ff_dropout=config.dropout,
            use_rmsnorm=config.norm == "rmsnorm",
            rotary_pos_emb="rope" in config.position,
            rotary_emb_dim=config.head_width,
            disable_abs_pos_emb=False,
            verbose=False,
        )
        self.parallel = config.parallel
        self.dropout = config.dropout
        self.gelu = config.activation == "geglu"
        self.in_one = config.gate_in_product
        self._initialize(config)

    def _initialize(self, config: TokenModelConfig) -> None:
        for at, (kind, (norms, block, _)) in enumerate(zip(self.layer_types, self.layers, strict=True)):
            if kind == "f" and config.gated and not config.bias:
                # x-transformers' gate has a bias, whatever `ff_no_bias` says
                block.ff[0].proj = nn.Linear(config.width, 2 * config.inner, bias=False)
            if kind == "f" and config.parallel:
                self.layers[at][0] = nn.ModuleList([None, *list(norms)[1:]])  # type: ignore[list-item]
        for name, entry in self.named_parameters():
            if entry.ndim == 2:
                # the variance of the input is kept; what is added to the residual stream shrinks with depth
                outward = name.endswith(("to_out.weight", "ff.2.weight"))
                scale = (2 * config.layers) ** -0.5 if outward else 1.0
                nn.init.normal_(entry, std=scale * entry.shape[1] ** -0.5)
            elif name.endswith("bias"):
                nn.init.zeros_(entry)

    def run(self, x: Tensor, packing: Packing, cache: Cache | None = None, mask: Tensor | None = None) -> Tensor:
        """Hidden states (B, T, width), normalised; with a cache, `mask` says what each position may see.

        Under autocast the residual stream is in the precision of the products: in fp32 its additions and norms move
        twice the bytes, which took a tenth of a compiled step on an H100.
        """
        x = x.to(precision(x))
        rotary = self.rotary_pos_emb(packing.positions)[0] if self.rotary_pos_emb is not None else None
        for at in range(0, len(self.layers), 2):
            norm = self.layers[at][0][0]
            feed_norm, feed = self.layers[at + 1][0][0], self.layers[at + 1][1]
            normed = _norm(norm, x)
            attended = self._attention(at // 2, normed, packing, rotary, cache, mask)
            if self.parallel:
                x = x + attended + self._feed(feed, normed, packing)
            else:
                x = x + attended
                x = x + self._feed(feed, _norm(feed_norm, x), packing)
        return _norm(self.final_norm, x)

    def _feed(self, block: Any, x: Tensor, packing: Packing) -> Tensor:
        if not self.in_one or packing.kernel != "histories" or (self.training and self.dropout):
            plain: Tensor = block(x)
            return plain
        from domaintoolkit.model.kernels.gated import gated_feed_forward

        kind = precision(x)
        rows, up, down = (each.to(kind) for each in (x.flatten(0, 1), block.ff[0].proj.weight, block.ff[2].weight))
        return gated_feed_forward(rows, up, down, self.gelu).view(x.shape)

    def _attention(
        self, layer: int, x: Tensor, packing: Packing, rotary: Any, cache: Cache | None, mask: Tensor | None
    ) -> Tensor:
        attention = self.layers[2 * layer][1]
        projections = (attention.to_q, attention.to_k, attention.to_v)
        if packing.kernel == "histories" and rotary is None:
            # one product for queries, keys and values: (B, T, 3, heads, head width)
            weight = torch.cat([project.weight for project in projections])
            rows = functional.linear(x, weight).view(*x.shape[:2], 3, attention.heads, -1)
            out = attend_together(rows, packing)
        else:
            query, key, value = (
                project(x).unflatten(-1, (attention.heads, -1)).transpose(1, 2) for project in projections
            )
            if rotary is not None:
                query, key = apply_rotary_pos_emb(query, rotary), apply_rotary_pos_emb(key, rotary)
            if cache is None:
                out = attend(query, key, value, packing, self.dropout if self.training else 0.0)
            else:
                key, value = cache.extend(layer, key, value)
                out = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        projected: Tensor = attention.to_out(out.transpose(1, 2).flatten(2))
        return projected


def _norm(norm: Any, x: Tensor) -> Tensor:
    """x-transformers' norms, which keep their gain as a difference from 1, through torch's fused ones."""
    if isinstance(norm, RMSNorm):
        return functional.rms_norm(x, x.shape[-1:], (norm.g + 1).to(x.dtype))
    return functional.layer_norm(x, x.shape[-1:], (norm.gamma + 1).to(x.dtype))
