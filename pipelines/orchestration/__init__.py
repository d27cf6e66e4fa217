"""Dagster words only: assets, checks, jobs, schedules and sensors, each a few lines around the steps."""
