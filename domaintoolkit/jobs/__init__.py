"""Jobs over whole tables: fit, encode, append, decode, export, verify and drift, on this machine or on Spark.

Names are imported on first use, since no command needs all jobs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
