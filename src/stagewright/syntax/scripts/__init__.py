"""What a Python script of a user takes, imports, reads and writes, from its source. No script is executed."""
