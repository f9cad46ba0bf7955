"""Bots by clusters of embeddings, judged by rules: how much traffic is invalid, at a fixed share of people in it.

Names load when they are used, since torch takes seconds.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
