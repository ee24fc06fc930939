"""`python -m testbed.year.generated FOLDER`: the generated year, in the files of the real one.

Run with the model service's environment: it draws the counts with NumPy.
"""

import csv
import gzip
import math
import sys
from pathlib import Path

from backend.regmodel.data.counts import Counts, hour_start
from backend.regmodel.data.generated import generated_year
from testbed.fakes.paris.year import COUNTERS_FILE, COUNTS_FILE


def write(counts: Counts, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / COUNTS_FILE, "wt", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["date", *counts.counters])
        for number, row in enumerate(counts.grid.tolist(), start=counts.first_hour):
            hour = hour_start(number).isoformat()
            lines.writerow([hour, *("" if math.isnan(count) else int(count) for count in row)])
    with (folder / COUNTERS_FILE).open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["id_compteur", "nom_compteur", "lat", "lon"])
        lines.writerows([name, f"counter {name}", 48.86, 2.35] for name in counts.counters)


if __name__ == "__main__":
    write(generated_year(), Path(sys.argv[1]))
