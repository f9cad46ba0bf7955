"""The encoded folder on disk: manifest, shards, what resumes an unfinished run, and the lock."""

from domaintoolkit.storage.encoded_folder import EncodedFolder, ShardRows, open_encoded

__all__ = ["EncodedFolder", "ShardRows", "open_encoded"]
