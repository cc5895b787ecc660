"""Verifies AWS Signature Version 4 of a request (AWS: "Create a signed AWS API request", SigV4)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import quote, unquote

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = "STREAMING-"
"""Start of x-amz-content-sha256 for a body that is sent in chunks."""
EMPTY = hashlib.sha256(b"").hexdigest()
TOLERANCE = timedelta(minutes=15)
"""The maximum age of a signature in a header, and the tolerated clock difference."""
LONGEST = timedelta(days=7)
"""The maximum of X-Amz-Expires (Amazon S3 API reference, "Authenticating Requests: Using Query Parameters").
"""


class SignatureError(Exception):
    """A missing or wrong signature. `code` is AWS's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Signature:
    """The parts of a request's signature. `presigned`: the signature is in the query string."""

    access_key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    value: str
    time: str
    expires: int
    presigned: bool

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True)
class Request:
    """A request as received: `path` and `query` are encoded, header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


def read(request: Request) -> Signature:
    """The signature of a request. SignatureError if it has none, has two, or it cannot be parsed."""
    query = dict(_pairs(request.query))
    try:
        if "X-Amz-Signature" not in query:
            return _from_header(request.headers)
        if "authorization" in request.headers:
            raise SignatureError("InvalidArgument", "Only one auth mechanism allowed")
        return _from_query(query)
    except (KeyError, ValueError):
        raise SignatureError(
            "MissingAuthenticationToken", "The request is not signed with AWS Signature 4"
        ) from None


def _from_header(headers: Mapping[str, str]) -> Signature:
    algorithm, _, rest = headers["authorization"].partition(" ")
    if algorithm != ALGORITHM:
        raise ValueError(algorithm)
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    key, date, region, service, _ = parts["Credential"].split("/")
    signed = tuple(parts["SignedHeaders"].split(";"))
    return Signature(key, date, region, service, signed, parts["Signature"], headers["x-amz-date"], 0, False)


def _from_query(query: Mapping[str, str]) -> Signature:
    key, date, region, service, _ = query["X-Amz-Credential"].split("/")
    signed = tuple(query["X-Amz-SignedHeaders"].split(";"))
    expires = int(query["X-Amz-Expires"])
    if query["X-Amz-Algorithm"] != ALGORITHM or not 0 < expires <= LONGEST.total_seconds():
        message = "X-Amz-Algorithm must be AWS4-HMAC-SHA256, and X-Amz-Expires 1 to 604800 seconds"
        raise SignatureError("AuthorizationQueryParametersError", message)
    return Signature(
        key, date, region, service, signed, query["X-Amz-Signature"], query["X-Amz-Date"], expires, True
    )


def verify(request: Request, signature: Signature, secret: str, body: bytes | None) -> None:
    """Check the signature against the secret key. SignatureError if it is wrong or expired.

    `body` is None for S3, whose requests are signed with the hash in a header. See `body_hash`.
    """
    _check_time(signature)
    _check_headers(request, signature)
    text = "\n".join(
        (
            ALGORITHM,
            signature.time,
            signature.scope,
            hashlib.sha256(_canonical(request, signature, body).encode()).hexdigest(),
        )
    )
    key = signing_key(secret, signature.date, signature.region, signature.service)
    if not hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), signature.value):
        message = "The request signature we calculated does not match the signature you provided"
        raise SignatureError("SignatureDoesNotMatch", message)


def _check_time(signature: Signature) -> None:
    try:
        made = datetime.strptime(signature.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError("IncompleteSignature", f"X-Amz-Date is no time: {signature.time}") from None
    if not signature.time.startswith(signature.date):
        raise SignatureError("SignatureDoesNotMatch", "The date of Credential is not that of X-Amz-Date")
    now = datetime.now(UTC)
    until = made + (timedelta(seconds=signature.expires) if signature.expires else TOLERANCE)
    if not made - TOLERANCE <= now <= until:
        raise SignatureError("RequestExpired", f"The signature of {signature.time} is not valid now")


def _check_headers(request: Request, signature: Signature) -> None:
    """The host and all x-amz- headers must be signed ("Create a signed AWS API request"). Otherwise the
    holder of a presigned URL could add a header that makes it another request."""
    signed = set(signature.headers)
    needed = {"host"} | {name for name in request.headers if name.startswith("x-amz-")}
    if unsigned := sorted(needed - signed):
        message = f"There were headers present in the request which were not signed: {', '.join(unsigned)}"
        raise SignatureError("AccessDenied", message)


def body_hash(request: Request, signature: Signature) -> str:
    """The SHA-256 that the body of an S3 request must have; empty if it has no hash of its own."""
    if signature.presigned:
        return ""
    claimed = request.headers.get("x-amz-content-sha256", EMPTY)
    return "" if claimed == UNSIGNED or claimed.startswith(STREAMING) else claimed


def _canonical(request: Request, signature: Signature, body: bytes | None) -> str:
    path = request.path or "/"
    if signature.service != "s3":  # S3 signs the path as sent; all other services encode it again
        path = quote(path, safe="/-_.~")
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in _pairs(request.query)
        if name != "X-Amz-Signature"
    )
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signature.headers
    )
    query = "&".join(f"{name}={value}" for name, value in pairs)
    names = ";".join(signature.headers)
    return "\n".join((request.method, path, query, headers, names, _payload_hash(request, signature, body)))


def _payload_hash(request: Request, signature: Signature, body: bytes | None) -> str:
    if body is not None:
        return hashlib.sha256(body).hexdigest()
    return UNSIGNED if signature.presigned else request.headers.get("x-amz-content-sha256", EMPTY)


def _pairs(query: str) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in parts]


@lru_cache(maxsize=64)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key that signs for one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
