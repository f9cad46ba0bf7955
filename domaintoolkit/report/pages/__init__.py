"""Templates, style and scripts of pages that need no other file."""
