"""The ledger on the command line: verify, export, show; champion at a time, history of a version, change log."""
