"""Next events as tasks: how well a model and simple rules predict the next value of a field, and when it comes.

Names load when they are used, since torch takes seconds.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
