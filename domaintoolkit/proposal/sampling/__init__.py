"""Rows that are spread over all files, with the dialect that they are written in."""
