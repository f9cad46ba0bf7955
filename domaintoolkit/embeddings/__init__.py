"""Embeddings of an encoded folder: of whole histories, as of the dates of labels, or at every event."""

from domaintoolkit.embeddings.folder_embedding import EmbeddingSettings, embed_folder, embed_labels
from domaintoolkit.embeddings.vector_file import VectorFile, clear_vectors

__all__ = ["EmbeddingSettings", "VectorFile", "clear_vectors", "embed_folder", "embed_labels"]
