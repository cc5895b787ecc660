"""From an item of AWS's sample *Build a Reusable MLOps Framework for Amazon SageMaker Using AWS Step
Functions, Amazon DynamoDB and Terraform* to a document and its code files.

The sample: aws-samples/sagemaker-mlops-reusable-framework on GitHub, commit b071c42.

What an item holds, and what becomes of it: docs/migration.md. `item` reads it and remembers what was used,
`scripts` has the code files, `stages` makes a stage of each section, `document` puts them together.
"""

from __future__ import annotations
