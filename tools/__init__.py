"""What developers run: the checks, the generators."""
