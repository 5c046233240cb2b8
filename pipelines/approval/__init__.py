"""People, cards and approvals: who may allow what, what they were shown, and what they answered."""
