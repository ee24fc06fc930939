"""The pipeline's three DAGs for a real Airflow, without their work: a run's conf sets what each task pushes.

`conf` may hold xcom ({task: {key: value}}), fails (a task) and waits_for (a path).
"""

import time
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

TASKS = {
    "daily_fetch_bike_data": ["fetch_bike_data"],
    "daily_prediction": ["score_forecasts"],
    "monitor_and_fine_tune": ["fine_tune_model", "validate_new_champion"],
}


def work(**context: Any) -> None:
    task, conf = context["ti"].task_id, context["dag_run"].conf or {}
    for key, value in conf.get("xcom", {}).get(task, {}).items():
        context["ti"].xcom_push(key=key, value=value)
    while (path := conf.get("waits_for")) and not Path(path).exists():
        time.sleep(0.1)  # noqa: TID251 - inside Airflow's process there is nothing else to wait on
    if conf.get("fails") == task:
        raise AirflowFailException("conf says so")


for dag_id, tasks in TASKS.items():
    with DAG(dag_id, schedule=None) as dag:
        first, *others = [PythonOperator(task_id=task, python_callable=work) for task in tasks]
        for other in others:
            first >> other
    globals()[dag_id] = dag
