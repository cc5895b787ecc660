"""The local CloudWatch Logs: log streams and their events, served from files."""
