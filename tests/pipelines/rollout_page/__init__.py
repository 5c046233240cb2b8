"""The rollout as page, in the terminal, and its costs."""
