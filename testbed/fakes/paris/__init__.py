"""A fake of the Paris open-data API: serves a year of counts hour by hour, on a clock that the test moves.

    python -m testbed.fakes.paris --port 9200 --now 2020-12-01T06:00:00Z

It is as strict as the real API: pages of at most 100, rows beyond 10,000 only through /exports, unknown
parameters and fields refused, a quota. Some counts and places are null, the last hours arrive one to two days
late, and rows older than 13 months are gone. Faults are injected through /control.
"""
