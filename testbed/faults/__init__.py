"""The fault campaign: a real router, senders like Alertmanager, a strict Discord, and everything goes wrong.

plan.py     what happens when, from a seed alone: groups of alerts (scenarios.py) and mishaps (fault_plan.py)
campaign.py puts it into practice: senders.py, injector.py (the mishaps), ledger_probe.py
checks.py  what must be true at the end, looked at without exception; figures.py prints the numbers

`make faults` is the full form, tests/e2e/test_fault_campaign.py the short one;
`python -m testbed.faults --help` lists its options.
"""
