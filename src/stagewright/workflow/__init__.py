"""The one state machine of all pipelines: built in Python, printed as JSON."""
