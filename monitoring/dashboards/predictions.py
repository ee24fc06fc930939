"""How good the forecasts are, and whether the data still look like those the model knows."""

from monitoring.dashboards import limits
from monitoring.dashboards.description import Dashboard, Kind, Panel, Query, Unit
from monitoring.dashboards.selectors import DRIFT_LIMITS, OF_MODEL, R2_LIMITS, RMSE_LIMITS, YES_NO

NOT_SCORED = "Empty until a champion was evaluated, or a forecast scored, for the first time."
STALE = limits.of_pipeline()
NO_DRIFT_YET = "Empty until drift was measured for the first time."

DASHBOARD = Dashboard(
    uid="predictions",
    title="Predictions",
    description="Scores, forecasts and drift.",
    time_from="now-7d",
    panels=(
        Panel(
            id=1,
            title="R2 over 7 days",
            description="The champion by its last evaluation, and the daily forecasts whose hours are"
            " known by now. Below the upper line ModelPerformanceWarning fires, below the lower one"
            " ModelPerformanceCritical.",
            unit=Unit.SCORE,
            limits=R2_LIMITS,
            time_from="7d",
            empty=NOT_SCORED,
            queries=(
                Query(f"min by (model_type) (model_r2_score{{{OF_MODEL}}})", "{{model_type}}"),
                Query("max(bike_prediction_r2)", "daily forecasts"),
            ),
        ),
        Panel(
            id=2,
            title="RMSE over 7 days",
            description="Root mean squared error, of the same and of the champion in the weekly run.",
            axis="bicycles an hour",
            limits=RMSE_LIMITS,
            time_from="7d",
            empty=NOT_SCORED,
            queries=(
                Query(f"max by (model_type) (model_rmse{{{OF_MODEL}}})", "{{model_type}}"),
                Query("max(bike_prediction_rmse)", "daily forecasts"),
                Query("max(bike_model_rmse_production)", "weekly run"),
            ),
        ),
        Panel(
            id=3,
            title="MAE over 7 days",
            description="Mean absolute error, of the champion and of the daily forecasts.",
            axis="bicycles an hour",
            time_from="7d",
            empty=NOT_SCORED,
            queries=(
                Query(f"max by (model_type) (model_mae{{{OF_MODEL}}})", "{{model_type}}"),
                Query("max(bike_prediction_mae)", "daily forecasts"),
            ),
        ),
        Panel(
            id=4,
            title="Prediction distribution",
            description="How many forecasts fell into each range of bicycles an hour.",
            kind=Kind.HEATMAP,
            axis="bicycles an hour",
            empty="Gaps while nothing is forecast.",
            queries=(
                Query("sum by (le) (increase(prediction_bicycles_bucket[$__rate_interval]))", "{{le}}"),
            ),
        ),
        Panel(
            id=5,
            title="Drift over time",
            description="Share of the compared counters that have drifted. HighDrift fires above the line.",
            unit=Unit.RATIO,
            limits=DRIFT_LIMITS,
            empty=NO_DRIFT_YET,
            queries=(
                Query("max(drift_share)", "model service"),
                Query("max(bike_drift_share)", "weekly run"),
            ),
        ),
        Panel(
            id=6,
            title="Unknown counters",
            description="Counters of the newest daily forecast that the model had never seen; forecasts"
            " for such counters within a day.",
            axis="counters, forecasts",
            empty="The daily run's line is absent until its first run.",
            queries=(
                Query("max(bike_unknown_counters)", "counters of the daily run"),
                Query("sum(increase(predictions_unknown_total[1d]))", "forecasts within a day"),
            ),
        ),
        Panel(
            id=7,
            title="Drifted counters",
            description="How many counters have drifted.",
            axis="counters",
            empty=NO_DRIFT_YET,
            queries=(
                Query("max(drifted_features_count)", "model service"),
                # A gauge in spite of its name: docs/EXPORTER.md.
                Query("max(bike_drifted_features_count)", "weekly run"),
            ),
        ),
        Panel(
            id=8,
            title="Forecasts within a day",
            description="Forecasts given by the model service, and stored by the daily run.",
            axis="forecasts a day",
            queries=(
                Query("sum(increase(predictions_total[1d]))", "given"),
                Query("sum(increase(bike_predictions_generated_total[1d]))", "stored by the daily run"),
            ),
        ),
        Panel(
            id=9,
            title="Age of scores and champion",
            description="Time since the champion was evaluated, since it was trained, and since drift was"
            f" measured. ModelScoreStale fires {STALE.score_days} days after the evaluation, ChampionStale"
            f" {STALE.champion_days} days after the training.",
            unit=Unit.AGE,
            empty="Each line begins with the first evaluation, training or measurement.",
            queries=(
                Query(
                    f"time() - max by (model_type) (model_evaluation_timestamp_seconds{{{OF_MODEL}}})",
                    "{{model_type}} evaluated",
                ),
                Query(
                    f"time() - max by (model_type) (model_champion_trained_timestamp_seconds{{{OF_MODEL}}})",
                    "{{model_type}} trained",
                ),
                Query("time() - max(drift_measurement_timestamp_seconds)", "drift measured"),
            ),
        ),
        Panel(
            id=10,
            title="Dead sensors",
            description="Counters with a day of zeros where at least 5 an hour are usual, and their names.",
            axis="counters",
            width=16,
            empty="The names are absent while no sensor is dead.",
            queries=(
                Query("max(sensors_dead)", "dead sensors"),
                Query("max by (counter) (sensor_dead)", "{{counter}}"),
            ),
        ),
        Panel(
            id=11,
            title="Drift or not",
            description="Whether each measurement found drift.",
            kind=Kind.STATES,
            unit=Unit.STATE,
            texts=YES_NO,
            empty=NO_DRIFT_YET,
            queries=(
                Query("max(drift_detected)", "model service"),
                Query("max(bike_drift_detected)", "weekly run"),
            ),
        ),
    ),
)
