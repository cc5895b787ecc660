"""Objects in Amazon S3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from stagewright.aws.errors import error_code, if_exists, is_missing, translate_errors
from stagewright.errors import TargetError

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef


@dataclass(frozen=True)
class StoredObject:
    """An object and its content. `modified` is epoch seconds. Only a versioned bucket sets `version`."""

    key: str
    body: bytes
    version: str
    modified: float


@dataclass(frozen=True)
class ListedObject:
    """One entry of a listing. `size` is bytes, `modified` epoch seconds. Only `versions` sets `version`."""

    key: str
    size: int
    etag: str
    modified: float
    version: str = ""


@dataclass(frozen=True)
class Objects:
    """Reads and writes objects of the installation's bucket. `bucket` arguments name another bucket."""

    client: S3Client
    bucket: str

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Write an object. Return its version id, "" in an unversioned bucket.

        Calls PutObject, which takes at most 5 GB (S3 user guide, "Uploading objects").
        """
        with translate_errors("s3", self._name(key)):
            answer = self.client.put_object(
                Bucket=self.bucket, Key=key, Body=body, ContentType=content_type, Metadata=metadata or {}
            )
        return answer.get("VersionId", "")

    def put_new(self, key: str, body: bytes, content_type: str = "application/json") -> bool:
        """Write an object. Return False and write nothing if the key exists.

        Calls PutObject with If-None-Match (S3 user guide, "Conditional writes").
        """
        with translate_errors("s3", self._name(key)):
            try:
                self.client.put_object(
                    Bucket=self.bucket, Key=key, Body=body, ContentType=content_type, IfNoneMatch="*"
                )
            except ClientError as error:
                if error_code(error) not in ("PreconditionFailed", "412"):
                    raise
                return False
        return True

    def get(self, key: str, version: str = "", bucket: str = "", most: int | None = None) -> StoredObject:
        """Return an object, or one version of it. Calls GetObject. Raises NotFoundError if there is none.

        `most`: reads at most so many bytes of it. None: all.
        """
        versioned: Any = {"VersionId": version} if version else {}
        with translate_errors("s3", self._name(key, bucket)):
            answer = self.client.get_object(Bucket=bucket or self.bucket, Key=key, **versioned)
            with closing(answer["Body"]) as stream:
                body = stream.read(most)
        return StoredObject(key, body, answer.get("VersionId", ""), answer["LastModified"].timestamp())

    def download(self, key: str, file: Path, bucket: str = "") -> None:
        """Write an object to a file. Calls HeadObject and GetObject, in parts, and repeats what is cut off.

        Raises NotFoundError if there is none, TargetError if its parts do not arrive.
        """
        from boto3.exceptions import RetriesExceededError

        name = self._name(key, bucket)
        with translate_errors("s3", name):
            try:
                self.client.download_file(bucket or self.bucket, key, str(file))
            except RetriesExceededError as error:
                raise TargetError(f"{name} cannot be read: {error}", "try again") from error

    def exists(self, key: str, bucket: str = "") -> bool:
        """Return whether there is an object with this key. Calls HeadObject."""
        with translate_errors("s3", self._name(key, bucket)):
            return if_exists(self.client.head_object, Bucket=bucket or self.bucket, Key=key) is not None

    def version_of(self, key: str, bucket: str = "") -> str:
        """Return the current version id of an object, "" if there is no such object. Calls HeadObject."""
        with translate_errors("s3", self._name(key, bucket)):
            answer = if_exists(self.client.head_object, Bucket=bucket or self.bucket, Key=key)
        return answer.get("VersionId", "") if answer else ""

    def list(self, prefix: str, bucket: str = "", limit: int | None = None) -> Iterator[ListedObject]:
        """Yield the objects whose keys start with `prefix`, in key order, at most `limit`.

        Calls ListObjectsV2. A bucket that does not exist has no objects.
        """
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket or self.bucket,
            Prefix=prefix,
            PaginationConfig={"MaxItems": limit, "PageSize": min(limit, 1000)} if limit else {},
        )
        with translate_errors("s3", self._name(prefix, bucket)):
            try:
                for page in pages:
                    for entry in page.get("Contents", []):
                        modified = entry["LastModified"].timestamp()
                        yield ListedObject(entry["Key"], entry["Size"], entry["ETag"], modified)
            except ClientError as error:
                if not is_missing(error):
                    raise

    def versions(self, key: str) -> Iterator[ListedObject]:
        """Yield the versions of one object, newest first. Calls ListObjectVersions."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=key)
        with translate_errors("s3", self._name(key)):
            for page in pages:
                for entry in page.get("Versions", []):
                    if entry["Key"] == key:
                        modified = entry["LastModified"].timestamp()
                        yield ListedObject(key, entry["Size"], entry["ETag"], modified, entry["VersionId"])

    def copy(self, key: str, version: str, target: str) -> None:
        """Copy one version of `key` to `target` in the same bucket.

        Calls CopyObject, which takes objects of at most 5 GB (S3 API reference).
        """
        source: CopySourceTypeDef = {"Bucket": self.bucket, "Key": key}
        if version:
            source["VersionId"] = version
        with translate_errors("s3", self._name(key)):
            self.client.copy_object(Bucket=self.bucket, Key=target, CopySource=source)

    def delete(self, key: str) -> None:
        """Delete an object. In a versioned bucket its versions stay. Calls DeleteObject."""
        with translate_errors("s3", self._name(key)):
            self.client.delete_object(Bucket=self.bucket, Key=key)

    def _name(self, key: str, bucket: str = "") -> str:
        return f"s3://{bucket or self.bucket}/{key}"
