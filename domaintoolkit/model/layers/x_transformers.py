"""The parts of x-transformers that we use, imported without the deprecation warning that its own import sets off."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # torch deprecates `torch.jit.script`, which x-transformers 2.31 applies when it is imported
    warnings.simplefilter("ignore", DeprecationWarning)
    from x_transformers import Decoder, TransformerWrapper
    from x_transformers.x_transformers import RMSNorm, apply_rotary_pos_emb

__all__ = ["Decoder", "RMSNorm", "TransformerWrapper", "apply_rotary_pos_emb"]
