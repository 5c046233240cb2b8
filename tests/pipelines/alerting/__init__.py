"""Alerts: raised, delivered, acknowledged, escalated."""
