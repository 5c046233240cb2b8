"""Rollback, kill and resume: the stop file first, then what the desks say of it, then the ledger.

    stopped      the signed file lies beside the routing; every desk looks at it before each decision
    read back    every desk says that it obeys it and owns nothing any more
    recorded     the ledger has it; when the ledger is away, the next evening run records it

The first needs the standard library, `cryptography` and a local disk. No approval, no gate, no server is asked.
"""
