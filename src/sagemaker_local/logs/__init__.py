"""Logs of jobs and endpoints. Each log stream is a file; nothing of it stays in memory."""
