"""What a stream looks like: header, events and parts, told from ids alone."""

from domaintoolkit.grammar.grammar import BOS, BYTE, COMPOSITE, OTHER, PAD, SESSION, FieldParts, Grammar

__all__ = ["BOS", "BYTE", "COMPOSITE", "OTHER", "PAD", "SESSION", "FieldParts", "Grammar"]
