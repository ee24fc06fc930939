"""The fault campaign: a real router, senders like Alertmanager, a strict Discord, and everything goes wrong.

plan.py     what happens when, from a seed alone: groups of alerts (stories.py) and mishaps (mishaps.py)
campaign.py puts it into practice: senders.py, hands.py (the mishaps), watch.py (the ledger, again and again)
examination.py  what must be true at the end, looked at without exception; figures.py prints the numbers

`make faults` is the full form, test_campaign.py the short one. `python -m tests.faults --help` has the knobs.
"""
