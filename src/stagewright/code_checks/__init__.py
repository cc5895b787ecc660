"""Mistakes in a pipeline's code that show before a job is paid for. Pure: no code of the user is run."""
