from .loader import Batch as Batch
from .loader import Loader as Loader
from .shard_histories import Source as Source
from .shard_histories import open_shards as open_shards
