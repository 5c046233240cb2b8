"""What `make bench` runs: each figure beside a peer or a floor in the same run, never a timed test."""
