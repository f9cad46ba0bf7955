"""Where the work runs: files or tables in, a fitted tokenizer or an encoded folder out."""

from domaintoolkit.engines._encode import EncodeResult, Interrupted, encode
from domaintoolkit.engines._fit import FitResult, extend, fit
from domaintoolkit.engines._progress import Progress

__all__ = ["EncodeResult", "FitResult", "Interrupted", "Progress", "encode", "extend", "fit"]
