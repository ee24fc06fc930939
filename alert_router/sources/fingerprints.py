"""The fingerprint of a label set, as Prometheus and Alertmanager compute it."""

from alert_router.domain.model import Fingerprint, Labels

# prometheus/common model/fnv.go: 64-bit FNV-1a.
OFFSET = 14695981039346656037
PRIME = 1099511628211
MASK = (1 << 64) - 1
SEPARATOR = b"\xff"


def of(labels: Labels) -> Fingerprint:
    sum_ = OFFSET
    for name in sorted(labels, key=str.encode):
        for byte in name.encode() + SEPARATOR + labels[name].encode() + SEPARATOR:
            sum_ = ((sum_ ^ byte) * PRIME) & MASK
    return Fingerprint(f"{sum_:016x}")
