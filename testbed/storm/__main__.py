"""Sends a storm of alerts and prints how they are notified: python -m testbed.storm [--beside MINUTES]."""

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from testbed.storm import through_alertmanager, through_router


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m testbed.storm", description=__doc__)
    parser.add_argument("--size", type=int, default=1000, help="alerts, each an incident of its own")
    parser.add_argument("--seconds", type=float, default=10.0, help="over which they are sent")
    parser.add_argument(
        "--beside",
        type=float,
        default=0.0,
        metavar="MINUTES",
        help="also the same storm through Alertmanager's own Discord receiver, observed for MINUTES",
    )
    args = parser.parse_args()
    size, over_s = args.size, args.seconds
    with tempfile.TemporaryDirectory(prefix="storm-") as name:
        folder = Path(name)
        show("Through alert-router", through_router.report(folder, size=size, over_s=over_s))
        if args.beside:
            show(
                "Through Alertmanager's own Discord receiver",
                through_alertmanager.report(folder, size=size, over_s=over_s, minutes=args.beside),
            )


def show(title: str, lines: Iterable[str]) -> None:
    sys.stdout.write(f"{title}\n")
    for line in lines:
        sys.stdout.write(f"  {line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
