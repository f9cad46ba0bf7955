"""Fitting and encoding on Spark, with the same bytes as on one machine."""
