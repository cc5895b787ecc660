"""A SageMaker that runs jobs and endpoints as processes on this machine, without AWS and Docker.

`sagemaker_local.standalone.serve` and the command `sagemaker-local` serve it next to an S3 that already runs.
`sagemaker_local.service.SageMaker` is the service itself. See README.md.
"""
