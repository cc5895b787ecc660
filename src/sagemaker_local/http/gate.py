"""The gate of the local server: it authenticates each request and passes it to a service.

The gate serves a request only if its Host header names this server, its Origin header (if any) does too, and
it is signed with this server's key. No response carries a CORS header. Without these checks, any web page
open in a browser could create jobs and so run code on this machine.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from sagemaker_local.api.protocol import JSON_TYPE
from sagemaker_local.http import chunks, sigv4
from sagemaker_local.http.chunks import Chunks
from sagemaker_local.http.sigv4 import Request, SignatureError
from sagemaker_local.settings import Program

BODY_LIMIT = 70_000_000
"""Bytes. The largest body outside S3 is a function's zip in base64 (Lambda quotas: 50 MB zipped)."""
OBJECT_LIMIT = 5 * 1024**3
"""Bytes of one PutObject or UploadPart (Amazon S3 quotas)."""
QUERY_SERVICES = ("iam", "sts", "sns", "monitoring")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, Mapping[str, str], bytes], Response | None]
"""Handles a request: (path, headers with lower-case names, body) -> (status, headers, body).

None: the handler does not serve this request.
"""

log = logging.getLogger(__name__)


class RejectedError(Exception):
    """A request that is not served. `code` and `message` are what an AWS client shows."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Access:
    """The server's port and keys: what a request must name to be served."""

    port: int
    access_key: str
    secret_key: str
    program: Program = field(default_factory=Program)
    start_key: tuple[str, str] | None = None
    """Access key and secret key of the processes that this server started. Those of an earlier, killed server
    have another one."""

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost"))

    def secret_of(self, access_key: str) -> str | None:
        """The secret key that belongs to an access key. None: it is not this server's."""
        keys = [(self.access_key, self.secret_key), *([self.start_key] if self.start_key else [])]
        matches = [secret for key, secret in keys if hmac.compare_digest(key.encode(), access_key.encode())]
        return matches[0] if matches else None


class Gate:
    """ASGI application in front of `services`, by their signing name. `inner` serves all other requests, and
    those that a service does not.

    `requests` counts accepted requests that may have changed something. `active` counts requests in progress.
    `inner` may raise RejectedError.
    """

    def __init__(self, inner: App, services: Mapping[str, Handler], access: Access) -> None:
        self._inner = inner
        self._services = services
        self._access = access
        self._origins = frozenset(f"http://{host}" for host in access.hosts)
        self.requests = 0
        self.active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "lifespan":
                await self._inner(scope, receive, send)
            case "http":
                self.active += 1
                try:
                    await self._http(scope, receive, _without_cors(send))
                finally:
                    self.active -= 1
            case _:
                await receive()
                await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request(scope)
        service = ""
        try:
            self._check_origin(request)
            if request.path == self._access.program.health_path:
                await _respond(send, 200, {"content-type": "application/json"}, b'{"status": "ok"}')
                return
            service, receive = await self._check_signature(request, receive)
            self.requests += request.method not in ("GET", "HEAD")
            await self._serve(service, request, scope, receive, send)
        except RejectedError as rejection:
            log.warning("rejected %s %s: %s", request.method, request.path, rejection.message)
            await _respond(send, rejection.status, *_error(rejection, service, request))

    async def _serve(
        self, service: str, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if handler := self._services.get(service):
            body = await _read(receive)
            response = await asyncio.to_thread(handler, request.path, request.headers, body)
            if response is not None:
                await _respond(send, *response)
                return
            receive = _replay(body, receive)
        await self._inner(scope, receive, send)

    def _check_origin(self, request: Request) -> None:
        host = request.headers.get("host", "")
        if host not in self._access.hosts:
            message = f"This server does not answer as {host or 'an empty host'}"
            raise RejectedError("AccessDeniedException", message)
        origin = request.headers.get("origin")
        if origin is not None and origin not in self._origins:
            raise RejectedError("AccessDeniedException", f"Requests from {origin} are refused")
        if request.method == "OPTIONS":
            raise RejectedError("AccessDeniedException", "This server takes no requests from other origins")
        if unquote(request.path).startswith("/_") and request.path != self._access.program.health_path:
            raise RejectedError("AccessDeniedException", f"{request.path} is not available")

    async def _check_signature(self, request: Request, receive: Receive) -> tuple[str, Receive]:
        """The service that the request is signed for, and a `receive` that still has the whole body."""
        try:
            signature = sigv4.read(request)
            secret = self._access.secret_of(signature.access_key)
            if secret is None:
                message = f"The key is not this server's; {self._access.program.key_hint}"
                raise RejectedError("UnrecognizedClientException", message)
            body = None
            _check_length(request, OBJECT_LIMIT if signature.service == "s3" else BODY_LIMIT)
            if signature.service != "s3":
                body = await _read(receive)
                receive = _replay(body, receive)
            sigv4.verify(request, signature, secret, body)
            if body is None and (parts := chunks.of(request, signature, secret)):
                receive = _with_verified_chunks(receive, parts)
            elif body is None and (expected := sigv4.body_hash(request, signature)):
                receive = _verified(receive, expected)
        except SignatureError as error:
            raise RejectedError(error.code, error.message) from error
        return signature.service, receive


def _request(scope: Scope) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    path = scope["raw_path"].decode("latin-1")
    return Request(scope["method"], path, scope["query_string"].decode("latin-1"), headers)


def _check_length(request: Request, limit: int) -> None:
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > limit:
        raise RejectedError("RequestEntityTooLarge", f"A body of {length} bytes is over {limit}", 413)


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_LIMIT:
            raise RejectedError("RequestEntityTooLarge", f"The body is over {BODY_LIMIT} bytes", 413)
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that returns the body as one message, then the messages of the original `receive`."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


def _verified(receive: Receive, expected: str) -> Receive:
    """A `receive` that passes on the last part of the body only if the whole has this SHA-256."""
    digest = hashlib.sha256()

    async def received() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            digest.update(message.get("body", b""))
            if not message.get("more_body") and not hmac.compare_digest(digest.hexdigest(), expected):
                text = "The provided 'x-amz-content-sha256' header does not match what was computed."
                raise RejectedError("XAmzContentSHA256Mismatch", text, 400)
        return message

    return received


def _with_verified_chunks(receive: Receive, parts: Chunks) -> Receive:
    """A `receive` that passes on a part of the body only if its chunks are signed."""

    async def received() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            try:
                parts.check(message.get("body", b""), bool(message.get("more_body")))
            except SignatureError as error:
                raise RejectedError(error.code, error.message) from error
        return message

    return received


def _without_cors(send: Send) -> Send:
    """A `send` that removes CORS headers."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                header
                for header in message.get("headers", ())
                if not header[0].lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": headers}
        await send(message)

    return sent


def _error(rejection: RejectedError, service: str, request: Request) -> tuple[dict[str, str], bytes]:
    """Headers and body in the format that the client expects.

    XML for S3 and the query services, unless the request has an X-Amz-Target header. JSON for all others.
    """
    service = service or _claimed_service(request)
    headers = {"x-amzn-errortype": rejection.code}
    if service not in ("", "s3", *QUERY_SERVICES) or "x-amz-target" in request.headers:
        body = json.dumps({"__type": rejection.code, "message": rejection.message})
        return {**headers, "content-type": JSON_TYPE}, body.encode()
    details = f"<Code>{escape(rejection.code)}</Code><Message>{escape(rejection.message)}</Message>"
    body = f"<Error>{details}</Error>"
    if service in QUERY_SERVICES:
        body = f"<ErrorResponse>{body}</ErrorResponse>"
    return {**headers, "content-type": "application/xml"}, body.encode()


def _claimed_service(request: Request) -> str:
    """The service that the request is for, before its signature is verified."""
    try:
        return sigv4.read(request).service
    except SignatureError:
        return "json" if "x-amz-target" in request.headers else ""


async def _respond(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
