"""What SageMaker's clients ask of S3 beside the usual."""

from __future__ import annotations

from tests.sagemaker_local.clients.account import BUCKET


def test_an_object_may_be_encrypted_with_the_account_s_own_key(bucket):
    """As on AWS: no key is named, so it is aws/s3. The SDK uploads all code like that."""
    bucket.s3.put_object(Bucket=BUCKET, Key="kms", Body=b"secret", ServerSideEncryption="aws:kms")
    found = bucket.s3.get_object(Bucket=BUCKET, Key="kms")
    assert found["Body"].read() == b"secret"
    assert found["ServerSideEncryption"] == "aws:kms"
    assert found["SSEKMSKeyId"].endswith("alias/aws/s3")
