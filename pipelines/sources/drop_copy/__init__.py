"""From messages of order sessions to parent orders, child orders, fills and changes: what `sources/fix.py` needs."""
