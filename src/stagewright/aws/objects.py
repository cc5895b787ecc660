"""Objects in S3, versioned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from stagewright.aws.errors import code_of, is_missing, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef


@dataclass(frozen=True)
class Stored:
    """An object's content. `modified` in epoch seconds."""

    key: str
    body: bytes
    version: str
    modified: float


@dataclass(frozen=True)
class Listed:
    """One line of a listing. `size` in bytes, `modified` in epoch seconds; `version` from `versions` only."""

    key: str
    size: int
    etag: str
    modified: float
    version: str = ""


@dataclass(frozen=True)
class Objects:
    """Calls on the installation's bucket; `bucket` is given for another one."""

    client: S3Client
    bucket: str

    def put(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> str:
        """The new version's id; empty where the bucket is not versioned."""
        with translated("s3", self._name(key)):
            answer = self.client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)
        return answer.get("VersionId", "")

    def put_new(self, key: str, body: bytes, content_type: str = "application/json") -> bool:
        """False where the key exists already, which then stays as it is (S3 conditional writes)."""
        with translated("s3", self._name(key)):
            try:
                self.client.put_object(
                    Bucket=self.bucket, Key=key, Body=body, ContentType=content_type, IfNoneMatch="*"
                )
            except ClientError as error:
                if code_of(error) not in ("PreconditionFailed", "412"):
                    raise
                return False
        return True

    def get(self, key: str, version: str = "", bucket: str = "") -> Stored:
        """NotFoundError where there is none."""
        place = bucket or self.bucket
        with translated("s3", self._name(key, bucket)):
            if version:
                answer = self.client.get_object(Bucket=place, Key=key, VersionId=version)
            else:
                answer = self.client.get_object(Bucket=place, Key=key)
            body = answer["Body"].read()
        return Stored(key, body, answer.get("VersionId", ""), answer["LastModified"].timestamp())

    def exists(self, key: str, bucket: str = "") -> bool:
        with translated("s3", self._name(key, bucket)):
            try:
                self.client.head_object(Bucket=bucket or self.bucket, Key=key)
            except ClientError as error:
                if not is_missing(error):
                    raise
                return False
        return True

    def list(self, prefix: str, bucket: str = "", limit: int | None = None) -> Iterator[Listed]:
        """Objects whose keys start with `prefix`, in key order; at most `limit`. No bucket, no objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket or self.bucket,
            Prefix=prefix,
            PaginationConfig={"MaxItems": limit, "PageSize": min(limit, 1000)} if limit else {},
        )
        with translated("s3", self._name(prefix, bucket)):
            try:
                for page in pages:
                    for found in page.get("Contents", []):
                        modified = found["LastModified"].timestamp()
                        yield Listed(found["Key"], found["Size"], found["ETag"], modified)
            except ClientError as error:
                if not is_missing(error):
                    raise

    def versions(self, key: str) -> Iterator[Listed]:
        """The versions of one object, newest first."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=key)
        with translated("s3", self._name(key)):
            for page in pages:
                for found in page.get("Versions", []):
                    if found["Key"] == key:
                        modified = found["LastModified"].timestamp()
                        yield Listed(key, found["Size"], found["ETag"], modified, found["VersionId"])

    def copy(self, key: str, version: str, target: str) -> None:
        """One version of `key` to `target`, inside the bucket. At most 5 GB (S3 CopyObject)."""
        source: CopySourceTypeDef = {"Bucket": self.bucket, "Key": key}
        if version:
            source["VersionId"] = version
        with translated("s3", self._name(key)):
            self.client.copy_object(Bucket=self.bucket, Key=target, CopySource=source)

    def delete(self, key: str) -> None:
        """Leaves a delete marker where the bucket is versioned."""
        with translated("s3", self._name(key)):
            self.client.delete_object(Bucket=self.bucket, Key=key)

    def _name(self, key: str, bucket: str = "") -> str:
        return f"s3://{bucket or self.bucket}/{key}"
