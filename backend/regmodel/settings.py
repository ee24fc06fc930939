"""Every setting of the model service, from the environment with the prefix REGMODEL_.

The secret REGMODEL_API_KEY can also be given as a file, by REGMODEL_API_KEY_FILE.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from backend.regmodel.data.counts import Window
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.secret_files import SecretFileSource

Share = Annotated[float, Field(gt=0, lt=1)]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="REGMODEL_", env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    listen: str = Field(default="127.0.0.1:8000", pattern=r"^.+:\d{1,5}$", description="host:port")
    state_dir: Path = Field(
        default=Path("var/regmodel"),
        description="Runs, measured gauges and posted counts; created when absent",
    )
    data_dir: Path | None = Field(
        default=None,
        description="Folder of wide CSV files of real counts; default: the generated year",
    )
    generated_counters: int = Field(default=56, ge=14, le=500, description="Counters of the generated year")
    registry_url: str = Field(
        default="",
        description="fsspec URL of the model registry (gs://, s3://, ...); empty: state_dir/registry",
    )
    registry_refresh_seconds: float = Field(
        default=5.0, gt=0, description="How often promotions by other processes are loaded"
    )
    keep_models: int = Field(
        default=50, ge=2, description="Models kept in the registry; champions always are"
    )
    api_key: SecretStr | None = Field(
        default=None, description="When set, required by every call but /health, /metrics and the docs"
    )

    default_model_type: ModelType = Field(default=ModelType.RF, description="Used where a request names none")
    holdout_days: int = Field(
        default=7, ge=1, le=60, description="Newest days of a training window, used for scoring only"
    )
    baseline_start: AwareDatetime | None = Field(
        default=None,
        description="Fixed baseline set, left out of every fit; default: the first champion's holdout",
    )
    baseline_end: AwareDatetime | None = None
    min_rows: int = Field(
        default=500, ge=2, description="Recorded counter-hours below which nothing is scored"
    )
    min_train_rows: int = Field(default=1_000, ge=10, description="The same for fitting")
    min_improvement: float = Field(
        default=0.005, ge=0, description="R2 a challenger must gain on the recent holdout"
    )
    baseline_tolerance: float = Field(default=0.05, ge=0, description="R2 it may lose on the baseline set")

    drift_share_threshold: Share = Field(
        default=0.5, description="Share of drifted counters above which it is drift"
    )
    drift_column_threshold: float = Field(
        default=0.2, gt=0, description="Distance above which one counter drifted"
    )
    drift_min_hours: int = Field(
        default=72, ge=10, description="Recorded hours a counter needs in both windows"
    )

    train_timeout_seconds: float = Field(
        default=1_800, gt=0, description="A longer run is ended and counts as failed"
    )
    train_memory_mb: int = Field(
        default=3_072, ge=512, description="MiB a training or a measurement may allocate; more and it fails"
    )
    measure_timeout_seconds: float = Field(
        default=120, gt=0, description="The same for /evaluate and /monitor"
    )
    max_waiting_runs: int = Field(
        default=8, ge=1, description="Trainings that may wait; more are answered 503"
    )
    max_days_ahead: float = Field(
        default=14, gt=0, description="Forecasts further ahead of the newest count are refused by /predict"
    )
    max_rows: int = Field(default=20_000, ge=1, le=50_000, description="Rows of one /predict")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings passes it by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SecretFileSource(settings_cls)

    @model_validator(mode="after")
    def _check_baseline(self) -> Self:
        if (self.baseline_start is None) != (self.baseline_end is None):
            raise ValueError("baseline_start and baseline_end belong together")
        if self.baseline_start and self.baseline_end and self.baseline_start >= self.baseline_end:
            raise ValueError("baseline_end must be later than baseline_start")
        return self

    @property
    def baseline(self) -> Window | None:
        if self.baseline_start is None or self.baseline_end is None:
            return None
        return Window(self.baseline_start, self.baseline_end)

    @property
    def registry(self) -> str:
        return self.registry_url or str((self.state_dir / "registry").absolute())

    @property
    def host_and_port(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host, int(port)
