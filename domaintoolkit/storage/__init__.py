"""The encoded folder on disk: manifest, shards, the state of an unfinished run, and the lock."""

from domaintoolkit.storage.encoded_folder import EncodedFolder, ShardRows, open_encoded

__all__ = ["EncodedFolder", "ShardRows", "open_encoded"]
