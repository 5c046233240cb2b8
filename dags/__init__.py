"""When: DAGs only schedule. Each task is the command a person would type."""
