"""Conversion of an item of AWS's sample *Build a Reusable MLOps Framework for Amazon SageMaker Using AWS Step
Functions, Amazon DynamoDB and Terraform*.

docs/migration.md describes the attributes of an item and their conversion. `item` reads an item and records
which attributes are used. `scripts` reads the code files. `stages` converts each section to a stage.
`document` combines them.
"""

from __future__ import annotations
