"""What a day of rows is held against: one file a kind of fault, `catalog.py` says what each rule does."""
