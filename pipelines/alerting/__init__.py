"""Alerts: raised once a cause, delivered, acknowledged by a person, escalated until somebody has it.

    outbox.py     one file an alert, written before anything else: nothing is lost, whoever is killed
    story.py      what became of an alert, folded from its events; which address is due now (pure)
    addresses.py  where alerts go: apprise addresses in a key file or a setting
    deliver.py    sends what is due, and brings ledger and files together
    words.py      fillwise alerts list | ack | test | escalate

`pipelines/alerts.py` is what others call: `raise_alert`, `clear_alert`, `open_alerts`.
"""
