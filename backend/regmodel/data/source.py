"""The origin of the counts, as a value that can be sent to a worker process, and their loading."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from backend.regmodel.data import files, observations
from backend.regmodel.data.counts import Counts, overlay
from backend.regmodel.data.generated import generated_year


class Origin(StrEnum):
    FILES = "files"
    """The data folder; posted counts are laid over it."""
    OBSERVATIONS = "observations"
    """Posted counts only."""
    GENERATED = "generated"
    """The generated year: no data folder, and nothing posted yet. Never mixed with recorded counts."""


@dataclass(frozen=True, slots=True)
class Source:
    data_dir: Path | None
    observations: Path
    """SQLite file of posted counts; may be absent."""
    generated_counters: int

    def load(self) -> tuple[Counts, Origin]:
        """Raises DataFolderError."""
        posted = observations.read(self.observations)
        if self.data_dir is not None:
            return overlay(files.read_folder(self.data_dir), posted), Origin.FILES
        if posted.grid.size:
            return posted, Origin.OBSERVATIONS
        return generated_year(counters=self.generated_counters), Origin.GENERATED
