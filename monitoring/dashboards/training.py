"""What the trainings came to."""

from monitoring.dashboards.description import Dashboard, Kind, Panel, Query, Unit
from monitoring.dashboards.selectors import OF_MODEL

NOT_TRAINED = "Empty until the first training that gave a model."
NO_CHAMPION = (
    "The champion's lines begin with the second training: the first has nothing to be compared with."
)

DASHBOARD = Dashboard(
    uid="training",
    title="Training",
    description="Training runs, what was decided, and how challengers did against champions.",
    time_from="now-30d",
    panels=(
        Panel(
            id=1,
            title="Training runs by outcome",
            description="Trainings that ended within an hour, by the model service. test_mode has outcomes"
            " of its own. TrainingFailure fires on a failure that no success has followed.",
            kind=Kind.BARS,
            axis="trainings an hour",
            queries=(
                Query(
                    f"sum by (model_type, status) (increase(training_runs_total{{{OF_MODEL}}}[1h]))",
                    "{{model_type}} {{status}}",
                ),
            ),
        ),
        Panel(
            id=2,
            title="Trainings of the weekly run",
            description="Trainings that the weekly DAG ordered within 30 days, by outcome.",
            kind=Kind.BARS,
            axis="trainings in 30 days",
            queries=(Query("sum by (status) (increase(bike_training_runs_total[30d]))", "{{status}}"),),
        ),
        Panel(
            id=3,
            title="R2 delta",
            description="R2 gained by the last challenger over the champion, on the same holdout.",
            unit=Unit.SCORE,
            empty=NO_CHAMPION,
            queries=(
                Query(f"max by (model_type) (training_improvement_r2{{{OF_MODEL}}})", "{{model_type}}"),
                Query("max(bike_model_improvement_delta)", "weekly run"),
            ),
        ),
        Panel(
            id=4,
            title="Deploy, skip, reject",
            description="Decisions of trainings within 30 days, and those that the weekly DAG carried out.",
            kind=Kind.BARS,
            axis="decisions in 30 days",
            queries=(
                Query(
                    f"sum by (decision) (increase(training_decisions_total{{{OF_MODEL}}}[30d]))",
                    "{{decision}}",
                ),
                Query(
                    "sum by (decision) (increase(bike_model_deployments_total[30d]))",
                    "weekly run: {{decision}}",
                ),
            ),
        ),
        Panel(
            id=5,
            title="Baseline regressions",
            description="Challengers rejected within 30 days because they are worse on the baseline set.",
            kind=Kind.BARS,
            axis="challengers in 30 days",
            queries=(
                Query(
                    "sum by (model_type) (increase(training_decisions_total"
                    f'{{decision="reject_baseline_regression", {OF_MODEL}}}[30d]))',
                    "{{model_type}}",
                ),
                Query(
                    'sum(increase(bike_model_deployments_total{decision="reject_baseline_regression"}[30d]))',
                    "weekly run",
                ),
            ),
        ),
        Panel(
            id=6,
            title="Double evaluation",
            description="R2 of challenger and champion at the last training: on the holdout, which is new"
            " to both, and on the baseline set, which never changes.",
            unit=Unit.SCORE,
            empty=f"{NOT_TRAINED} {NO_CHAMPION}",
            queries=(
                Query(
                    f"max by (model_type, role, dataset) (training_evaluation_r2{{{OF_MODEL}}})",
                    "{{model_type}} {{role}} on {{dataset}}",
                ),
                Query("max(model_r2_validation)", "weekly run: challenger"),
            ),
        ),
        Panel(
            id=7,
            title="Champion against challenger",
            description="RMSE of both on the holdout of the last training: the lower one is better.",
            axis="bicycles an hour",
            empty=f"{NOT_TRAINED} {NO_CHAMPION}",
            queries=(
                Query(
                    f'max by (model_type, role) (training_evaluation_rmse{{dataset="holdout", {OF_MODEL}}})',
                    "{{model_type}} {{role}}",
                ),
            ),
        ),
        Panel(
            id=8,
            title="Time since the last training",
            description="That gave a model, without test_mode.",
            unit=Unit.AGE,
            empty=NOT_TRAINED,
            queries=(
                Query(
                    f"time() - max by (model_type) (training_last_timestamp_seconds{{{OF_MODEL}}})",
                    "{{model_type}}",
                ),
            ),
        ),
        Panel(
            id=9,
            title="Duration of the DAG runs",
            description="Of the newest run of each DAG that has ended.",
            unit=Unit.SECONDS,
            empty="Empty until the first run of a DAG.",
            queries=(Query("max by (dag_id) (airflow_dag_run_duration_seconds)", "{{dag_id}}"),),
        ),
        Panel(
            id=10,
            title="Duration of the weekly run's tasks",
            description="Of the newest run that has ended; the slowest instance of a mapped task.",
            unit=Unit.SECONDS,
            empty="Empty until the weekly DAG's first run; a task that was skipped has no line.",
            width=12,
            queries=(
                Query(
                    'max by (task_id) (airflow_task_duration_seconds{dag_id="monitor_and_fine_tune"})',
                    "{{task_id}}",
                ),
            ),
        ),
        Panel(
            id=11,
            title="Time since the weekly run succeeded",
            description="As the exporter measures it at the scrape.",
            unit=Unit.AGE,
            empty="Empty until its first success.",
            width=12,
            queries=(
                Query(
                    'max(airflow_dag_last_success_age_seconds{dag_id="monitor_and_fine_tune"})',
                    "monitor_and_fine_tune",
                ),
            ),
        ),
    ),
)
