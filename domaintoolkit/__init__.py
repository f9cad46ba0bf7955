"""Tables of events into token streams, and compact transformers pre-trained on them.

Names load when they are used, so that importing the package is quick and needs no torch.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
