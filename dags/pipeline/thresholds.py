"""The thresholds of thresholds.toml as one frozen value."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("thresholds.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    r2_critical: float
    r2_warning: float
    rmse: float
    drift_share: float
    train_rmse: float
    train_after_days: int
    score_window_days: int
    score_min_rows: int

    def __post_init__(self) -> None:
        if self.r2_critical > self.r2_warning:
            raise ValueError("r2_critical is above r2_warning: everything critical must be a warning as well")

    @property
    def of_model(self) -> dict[str, float]:
        """As a performance event carries them."""
        return {"r2_critical": self.r2_critical, "r2_warning": self.r2_warning, "rmse": self.rmse}


def load(path: Path = FILE) -> Thresholds:
    """Raises KeyError when a threshold is missing: a default here would be a second place."""
    table = tomllib.loads(path.read_text())
    return Thresholds(
        r2_critical=table["model"]["r2_critical"],
        r2_warning=table["model"]["r2_warning"],
        rmse=table["model"]["rmse"],
        drift_share=table["drift"]["share"],
        train_rmse=table["training"]["rmse"],
        train_after_days=table["training"]["after_days"],
        score_window_days=table["score"]["window_days"],
        score_min_rows=table["score"]["min_rows"],
    )
