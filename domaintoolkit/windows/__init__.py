"""From an encoded folder to blocks of windows for training. Names load when they are used: numba takes seconds."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
