from .loader import Loader as Loader
from .loader import WindowBatch as WindowBatch
from .shard_histories import HistorySource as HistorySource
from .shard_histories import open_shards as open_shards
