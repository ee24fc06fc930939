"""What the pipeline's tasks do: plain functions that know no Airflow. The DAG files only join them."""
