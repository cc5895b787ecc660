"""A Glue stage: writes its arguments where its output is."""

import json
import sys

import boto3
from awsglue.utils import getResolvedOptions

place = getResolvedOptions(sys.argv, ["made"])["made"]
bucket, _, prefix = place.removeprefix("s3://").partition("/")
boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/arguments.json", Body=json.dumps(sys.argv).encode())
print("made one object")
