"""Fine-tuning: a trained model with a head for the targets of a label table. Names load when they are used."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
