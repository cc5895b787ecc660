"""S3 features that SageMaker clients need beyond basic reads and writes."""

from __future__ import annotations

from tests.sagemaker_local.clients.account import BUCKET


def test_kms_encryption_without_a_key_uses_the_aws_managed_key(bucket):
    """If a request names no key, AWS uses aws/s3. The SDK uploads all code this way."""
    bucket.s3.put_object(Bucket=BUCKET, Key="kms", Body=b"secret", ServerSideEncryption="aws:kms")
    found = bucket.s3.get_object(Bucket=BUCKET, Key="kms")
    assert found["Body"].read() == b"secret"
    assert found["ServerSideEncryption"] == "aws:kms"
    assert found["SSEKMSKeyId"].endswith("alias/aws/s3")
