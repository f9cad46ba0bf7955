"""Compiled loops. Importing this package imports numba: only functions of `domaintoolkit.composite` do, when called."""
