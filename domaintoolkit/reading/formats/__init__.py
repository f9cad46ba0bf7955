"""Files that are not CSV: Parquet, Arrow and JSON lines, as columns of values."""
