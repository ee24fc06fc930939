"""The fault campaign: a real router, senders like Alertmanager, a strict fake Discord, and faults everywhere.

plan.py      draws the campaign from a seed: groups of alerts (scenarios.py) and faults (fault_plan.py)
campaign.py  runs it: senders.py sends, injector.py injects the faults, ledger_probe.py reads the ledger
channels.py  the two channels and the routes to them
checks.py    checks every alert, card and request at the end; figures.py prints the numbers

`make faults` is the full form, tests/e2e/test_fault_campaign.py the short one;
`python -m testbed.faults --help` lists its options.
"""
