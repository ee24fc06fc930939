"""Reads a folder of wide CSV files: `date` (UTC hours) and one column per counter; empty = no record."""

from pathlib import Path

import pandas as pd

from backend.regmodel.data.counts import Counts, overlay

PATTERNS = ("*wide*.csv.gz", "*wide*.csv")


class DataFolderError(Exception):
    """The folder cannot be read as counts; the message says which file and why."""


def read_folder(folder: Path) -> Counts:
    """All files of the folder as one grid; a later file name wins where two hold the same hour."""
    paths = sorted(path for pattern in PATTERNS for path in folder.glob(pattern))
    if not paths:
        raise DataFolderError(f"{folder} holds no file named like {' or '.join(PATTERNS)}")
    counts = _read(paths[0])
    for path in paths[1:]:
        counts = overlay(counts, _read(path))
    return counts


def _read(path: Path) -> Counts:
    try:
        frame = pd.read_csv(path, index_col="date")
        frame.index = pd.to_datetime(frame.index, utc=True, format="ISO8601")
        return Counts.of_frame(frame)
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise DataFolderError(f"{path}: {error}") from error
