"""The rollout as a live picture: what page and terminal show, and how it is drawn.

view.py        what is shown, as plain data
phase_lines.py tests.py story.py next_step.py    parts of it, made from the ledger's state and entries (pure)
make.py        all of it together
costs.py       what clients paid by account and arm, and the monthly report
plots.py page.py terminal.py                     the drawings, the HTML page, the terminal
"""
