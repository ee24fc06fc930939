"""A stand-in for the Paris open-data API: serves a year of counts hour by hour, on a clock the test moves.

    python -m testbed.fakes.paris --port 9200 --now 2020-12-01T06:00:00Z

It is as strict as the real one: pages of at most 100, nothing beyond row 10,000 but by /exports, unknown
parameters and fields refused, a quota. Some counts and places are null, the last hours arrive one to two days
late, and what is older than 13 months is gone. Faults are ordered through /control.
"""
