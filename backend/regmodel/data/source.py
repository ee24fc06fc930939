"""The origin of the counts, as a value that can be sent to a worker process, and their loading."""

from dataclasses import dataclass
from pathlib import Path

from backend.regmodel.data import files, observations
from backend.regmodel.data.counts import Counts, overlay
from backend.regmodel.data.generated import generated_year


@dataclass(frozen=True, slots=True)
class Source:
    data_dir: Path | None
    """None: the generated year."""
    observations: Path
    """SQLite file of posted counts, laid over the rest; may be absent."""
    generated_counters: int

    @property
    def kind(self) -> str:
        return "generated" if self.data_dir is None else "files"

    def load(self) -> Counts:
        """Raises DataFolderError."""
        if self.data_dir is None:
            counts = generated_year(counters=self.generated_counters)
        else:
            counts = files.read_folder(self.data_dir)
        return overlay(counts, observations.read(self.observations))
