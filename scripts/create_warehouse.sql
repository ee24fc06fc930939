CREATE DATABASE bike_warehouse;
