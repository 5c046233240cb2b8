"""The rollout as a pure state machine: a plan, a state that is folded from events, and commands that give events."""
