"""Verifies a body that is sent in signed chunks.

Amazon S3 API reference, "Transferring Payload in Multiple Chunks" and "Including Trailing Headers". Each
chunk's signature includes that of the chunk before it; the first one includes that of the request.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from sagemaker_local.http import sigv4
from sagemaker_local.http.sigv4 import Request, Signature, SignatureError

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_WITH_TRAILER = f"{SIGNED}-TRAILER"
UNSIGNED_WITH_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
HEADER = re.compile(rb"([0-9a-fA-F]{1,16});chunk-signature=([0-9a-f]{64})")
TRAILER_SIGNATURE = b"x-amz-trailer-signature:"
LINE_LIMIT = 8_192
"""Bytes of a chunk's header, or of all trailing headers."""
END = b"\r\n"


class Chunks:
    """The chunks of one request. Pass each part of the body to `check`."""

    def __init__(self, signature: Signature, secret: str, has_trailer: bool) -> None:
        self._signature, self._has_trailer = signature, has_trailer
        self._key = sigv4.signing_key(secret, signature.date, signature.region, signature.service)
        self._previous = signature.value
        self._rest = b""
        self._left = -1
        """Bytes that the chunk still needs. -1: its header comes next."""
        self._is_last = self._is_over = False

    def check(self, part: bytes, more: bool) -> None:
        """Verify the chunks that are complete with this part.

        SignatureError if one is wrong, or if there is no `more` and the last one is missing.
        """
        self._rest += part
        while not self._is_over and (self._read_header() if self._left < 0 else self._read_data()):
            pass
        if (self._is_over and self._rest) or (not more and not self._is_over):
            raise _mismatch()

    def _read_header(self) -> bool:
        """False: the rest of it has not arrived."""
        if self._is_last:
            return self._read_trailer()
        line, end, rest = self._rest.partition(END)
        if not end:
            return self._wait()
        header = HEADER.fullmatch(line)
        if header is None:
            raise _mismatch()
        self._rest, self._left, self._claimed = rest, int(header[1], 16), header[2].decode()
        self._digest = hashlib.sha256()
        if self._left == 0:
            self._verify_chunk()
            self._is_last = True
        return True

    def _read_data(self) -> bool:
        data = self._rest[: self._left]
        self._digest.update(data)
        self._rest, self._left = self._rest[len(data) :], self._left - len(data)
        if self._left or len(self._rest) < len(END):
            return False
        if not self._rest.startswith(END):
            raise _mismatch()
        self._rest = self._rest[len(END) :]
        self._verify_chunk()
        return True

    def _read_trailer(self) -> bool:
        """Read the trailing headers and their signature, up to the empty line."""
        lines, end, rest = (END + self._rest).partition(END + END)
        if not end:
            return self._wait()
        self._rest, self._is_over = rest, True
        *headers, last = lines.removeprefix(END).split(END)
        if self._has_trailer:
            canonical = b"".join(header.strip() + b"\n" for header in headers)
            text = ("AWS4-HMAC-SHA256-TRAILER", *self._scope(), _hash(canonical))
            self._require(text, last.removeprefix(TRAILER_SIGNATURE).decode("latin-1"))
        elif headers or last:
            raise _mismatch()
        return True

    def _wait(self) -> bool:
        if len(self._rest) > LINE_LIMIT:
            raise _mismatch()
        return False

    def _verify_chunk(self) -> None:
        text = ("AWS4-HMAC-SHA256-PAYLOAD", *self._scope(), _hash(b""), self._digest.hexdigest())
        self._require(text, self._claimed)
        self._previous, self._left = self._claimed, -1

    def _scope(self) -> tuple[str, str, str]:
        return self._signature.time, self._signature.scope, self._previous

    def _require(self, text: tuple[str, ...], claimed: str) -> None:
        expected = hmac.new(self._key, "\n".join(text).encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), claimed.encode()):
            raise _mismatch()


def of(request: Request, signature: Signature, secret: str) -> Chunks | None:
    """The chunks of a request. None: its body is not in signed chunks.

    SignatureError: it is in chunks of another kind.
    """
    kind = "" if signature.presigned else request.headers.get("x-amz-content-sha256", "")
    if kind in (SIGNED, SIGNED_WITH_TRAILER):
        return Chunks(signature, secret, kind == SIGNED_WITH_TRAILER)
    if kind.startswith(sigv4.STREAMING) and kind != UNSIGNED_WITH_TRAILER:
        message = f"x-amz-content-sha256 must be UNSIGNED-PAYLOAD, {SIGNED}, or a valid sha256 value."
        raise SignatureError("InvalidArgument", message)
    return None


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _mismatch() -> SignatureError:
    message = "The request signature we calculated does not match the signature you provided"
    return SignatureError("SignatureDoesNotMatch", message)
