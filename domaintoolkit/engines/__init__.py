"""Where the work runs: on this machine in bounded memory, or on Spark, with the same bytes out."""

from domaintoolkit.engines._encode import EncodeResult, Interrupted, encode
from domaintoolkit.engines._fit import FitResult, extend, fit
from domaintoolkit.engines._progress import Progress

__all__ = ["EncodeResult", "FitResult", "Interrupted", "Progress", "encode", "extend", "fit"]
