"""`FrozenDecoder`: a decoder's forward pass over whole histories, for inference only.

The same function as `PackedDecoder.run`, but queries, keys and values come of one product, the gains of norms lie in
the weights that follow them, and residuals and gates are added in place.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from domaintoolkit.model.config import TokenModelConfig
from domaintoolkit.model.layers.decoder import PackedDecoder
from domaintoolkit.model.layers.x_transformers import RMSNorm, apply_rotary_pos_emb

__all__ = ["FrozenDecoder"]


class _Layer(NamedTuple):
    """The weights of a layer, each as it is multiplied from the right."""

    together: Tensor
    """(width, 3 * width): queries, keys and values."""
    out: Tensor
    """(width, width)"""
    up: Tensor
    """(width, inner), or with a gate (width, 2 * inner)."""
    up_bias: Tensor | None
    activation: Any
    down: Tensor
    """(inner, width)"""
    down_bias: Tensor | None


class FrozenDecoder:
    """The weights of a decoder as they are now; later changes of them are not seen."""

    def __init__(self, decoder: PackedDecoder, config: TokenModelConfig) -> None:
        self.config = config
        self.rotary = decoder.rotary_pos_emb
        self.centred = not isinstance(decoder.final_norm, RMSNorm)
        self.gain = _gain(decoder.final_norm)
        self.layers = []
        for at in range(0, len(decoder.layers), 2):
            # attention and feed-forward blocks take turns
            blocks: Any = decoder.layers[at : at + 2]
            norm, feed_norm = blocks[0][0][0], blocks[1][0][0]
            attention, feed = blocks[0][1], blocks[1][1].ff
            enter = feed[0].proj if config.gated else feed[0][0]
            gain = _gain(norm)
            projections = (attention.to_q, attention.to_k, attention.to_v)
            self.layers.append(
                _Layer(
                    (torch.cat([each.weight for each in projections]) * gain).t().contiguous(),
                    attention.to_out.weight.t().contiguous(),
                    (enter.weight * (gain if config.parallel else _gain(feed_norm))).t().contiguous(),
                    enter.bias,
                    feed[0].act if config.gated else feed[0][1],
                    feed[2].weight.t().contiguous(),
                    feed[2].bias,
                )
            )

    def run(self, x: Tensor) -> Tensor:
        """Normalised hidden states (B, T, width) of B histories, padding after them; `x` is overwritten."""
        shape = (x.shape[0], x.shape[1])
        rotary = None
        if self.rotary is not None:
            rotary = self.rotary(torch.arange(shape[1], device=x.device).expand(shape))[0]
        # (B * T, width) a view, so that sums in place are sums in `x`
        rows = x.view(-1, self.config.width)
        for layer in self.layers:
            normed = self._normalise(rows)
            attended = self._attend(layer, normed, shape, rotary)
            if not self.config.parallel:
                rows.addmm_(attended, layer.out)
                normed = self._normalise(rows)
            fed = self._feed(layer, normed)
            if self.config.parallel:
                rows.addmm_(attended, layer.out)
            rows.addmm_(fed, layer.down)
            if layer.down_bias is not None:
                rows.add_(layer.down_bias)
        return self._normalise(rows).mul_(self.gain).view(x.shape)

    def _normalise(self, rows: Tensor) -> Tensor:
        """Rows (N, width) after the norm without its gain."""
        if self.centred:
            return functional.layer_norm(rows, rows.shape[-1:])
        square = torch.linalg.vector_norm(rows, dim=-1, keepdim=True).square_().div_(rows.shape[-1])
        normed: Tensor = rows * square.add_(torch.finfo(rows.dtype).eps).rsqrt_()
        return normed

    def _attend(self, layer: _Layer, normed: Tensor, shape: tuple[int, int], rotary: Any) -> Tensor:
        """(N, width) what is attended to, before the last product."""
        heads = (normed @ layer.together).view(*shape, 3, self.config.heads, -1)
        # (B, heads, T, head width) each
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind()
        if rotary is not None:
            query, key = apply_rotary_pos_emb(query, rotary), apply_rotary_pos_emb(key, rotary)
        found = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return found.transpose(1, 2).reshape(normed.shape)

    def _feed(self, layer: _Layer, normed: Tensor) -> Tensor:
        """(N, inner)"""
        inner = normed @ layer.up if layer.up_bias is None else torch.addmm(layer.up_bias, normed, layer.up)
        if not self.config.gated:
            fed: Tensor = layer.activation(inner)
            return fed
        value, gate = inner.chunk(2, 1)
        if self.config.activation == "swiglu":
            return functional.silu(gate, inplace=True).mul_(value)
        gated: Tensor = layer.activation(gate)
        return gated.mul_(value)


def _gain(norm: Any) -> Tensor:
    """(width,): x-transformers' norms keep their gain as a difference from 1."""
    gain: Tensor = (norm.g if isinstance(norm, RMSNorm) else norm.gamma) + 1
    return gain
