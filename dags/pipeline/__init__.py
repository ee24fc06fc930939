"""The work of the pipeline's tasks: plain functions without Airflow. The DAG files only join them."""
