"""The names of other libraries for the methods of a tokenizer, for those who look for one of them."""

from __future__ import annotations

__all__ = ["OTHER_NAMES"]

OTHER_NAMES = {
    "transform": "encode",
    "fit_transform": "fit_encode",
    "inverse_transform": "decode",
    "batch_decode": "decode",
    "batch_encode_plus": "encode",
    "save_pretrained": "save; vocabulary.to_huggingface writes a folder for transformers",
    "get_vocab": "vocabulary",
    "vocab": "vocabulary",
    "vocab_size": "len(tokenizer.vocabulary)",
    "convert_ids_to_tokens": "vocabulary.decode",
    "convert_tokens_to_ids": "vocabulary.encode",
    "add_tokens": "extend",
    "tokenize": "encode, and then tokens of its result",
    "pad": "padded, of the result of encode",
}
"""The names of scikit-learn and Hugging Face, and what leads to the same here."""
