"""Measure: pure functions and compiled kernels over books, trades and orders. No files, no clock, no network."""
