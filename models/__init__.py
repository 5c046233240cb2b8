"""Decide: signals, policies, replay, statistics. Pure: no files, no clock, no network."""
