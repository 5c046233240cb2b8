"""Doors to the outside, one vendor each. Imports nothing of Fillwise above it."""
