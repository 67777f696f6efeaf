"""How artifacts are stored, and what the dashboard shows of them.

What belongs here: one materializer for each type that flows between steps, and the pages of the reports. What does not:
any decision about rows or models.
"""
