"""The rollout's controller: evidence from tables, decisions into the ledger, projections out of it."""
