"""One file a source. Every source ends in the nouns of `infra.tables`."""
