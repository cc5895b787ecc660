"""A Glue stage: writes one object where its output is."""

import sys

import boto3
from awsglue.utils import getResolvedOptions

place = getResolvedOptions(sys.argv, ["made"])["made"]
bucket, _, prefix = place.removeprefix("s3://").partition("/")
boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/made.txt", Body=b"made by a Python shell")
print("made one object")
