"""Conversion of pipelines of other systems to a document with its code files.

- `sample`: an item of AWS's sample *Build a Reusable MLOps Framework for Amazon SageMaker Using AWS Step
  Functions, Amazon DynamoDB and Terraform* (aws-samples/sagemaker-mlops-reusable-framework on GitHub, commit
  b071c42).

Every conversion returns a `ConvertedPipeline`, and `yaml_text` writes its document so that each YAML reader
reads the same.
"""

from __future__ import annotations
