"""Conversion of a definition of SageMaker Pipelines (`pipeline.definition()`, Version 2020-12-01).

`definition` reads the JSON. `expressions` turns `Get` and `Std:Join` into references. `code` finds the files
that steps run. The modules named after a step's type convert its request. `document` combines them. A step
that has no counterpart becomes an approval stage, so that what follows it waits for a person.
"""

from __future__ import annotations

from stagewright.migration.pipelines.definition import Definition, is_definition, parse_values, read
from stagewright.migration.pipelines.document import convert

__all__ = ["Definition", "convert", "is_definition", "parse_values", "read"]
