"""What a person asks of an installation: plan, run, wait, read, predict. The command line is made of it too.

`stagewright` itself offers the public names (`stagewright.run`). Progress is reported as log records
(`notes`), problems as `stagewright.errors`.
"""
