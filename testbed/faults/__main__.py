"""python -m testbed.faults [--seed N] [--database sqlite|postgres] [--short]"""

import argparse
import sys
import tempfile
from pathlib import Path

from testbed.faults import campaign, plan


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m testbed.faults", description="The fault campaign.")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same plan")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--short", action="store_true", help="the short form, which `make test` runs")
    parser.add_argument("--keep", type=Path, help="a folder for the router's log")
    args = parser.parse_args()
    drawn = plan.draw(args.seed, plan.SHORT if args.short else plan.FULL, args.database)
    folder = args.keep or Path(tempfile.mkdtemp(prefix="faults-"))
    outcome = campaign.run(drawn, folder)
    sys.stdout.write("\n".join(outcome.figures) + "\n")
    if outcome.findings:
        sys.stdout.write(f"The router's log is in {folder}\n")
        (folder / "findings.txt").write_text("\n".join(outcome.findings) + "\n")
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    sys.exit(main())
