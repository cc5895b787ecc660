"""The door of the local server: who may come in, and where a request goes.

ministack alone answers anybody who reaches its port, under any Host, with `Access-Control-Allow-Origin: *`:
every web page open in a browser could create a function and so run code. Here a request is served only if
it names this address as its Host, comes from no foreign page, and is signed with this state directory's
key. No answer carries a CORS header.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from sagemaker_local.api import protocol
from sagemaker_local.http import sigv4
from sagemaker_local.http.sigv4 import Request, SignatureError
from stagewright.local.glue import protocol as glue_protocol

HEALTH_PATH = "/_stagewright/health"
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
Answer = tuple[int, dict[str, str], bytes]
Own = Callable[[str, Mapping[str, str], bytes], Answer]
"""A service of ours: path, headers (names in lower case) and body -> status, headers, body."""

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """A request that is not served. `status` is HTTP's, `code` and `message` are what an AWS client shows."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class Wrapper:
    """ASGI application around `inner` (ministack), our SageMaker service, and our Glue where there is one.

    `requests` counts what was let in and may have changed something; `active`, what is being answered.
    """

    key_hint = "`stagewright env` prints the settings for this one"

    def __init__(
        self,
        inner: App,
        sagemaker: protocol.Service,
        port: int,
        access_key: str,
        secret_key: str,
        glue: glue_protocol.Service | None = None,
    ) -> None:
        self._inner = inner
        self._own: dict[str, Own] = {"sagemaker": partial(protocol.handle, sagemaker)}
        if glue is not None:
            self._own["glue"] = lambda _path, headers, body: glue_protocol.handle(glue, headers, body)
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
        self._origins = frozenset(f"http://{host}" for host in self._hosts)
        self._access_key = access_key
        self._secret_key = secret_key
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
            self._check_place(request)
            if request.path == HEALTH_PATH:
                await _answer(send, 200, {"content-type": "application/json"}, b'{"status": "ok"}')
                return
            service, receive = await self._check_signature(request, receive)
            self.check_service(service)
        except RefusedError as refused:
            log.warning("refused %s %s: %s", request.method, request.path, refused.message)
            await _answer(send, refused.status, *_error(refused, service, request))
            return
        self.requests += request.method not in ("GET", "HEAD")
        if own := self._own.get(service):
            answer = await asyncio.to_thread(own, request.path, request.headers, await _read(receive))
            await _answer(send, *answer)
        else:
            await self._inner(scope, receive, send)

    def check_service(self, service: str) -> None:
        """RefusedError for a service that is not behind this door; here ministack knows."""

    def _check_place(self, request: Request) -> None:
        host = request.headers.get("host", "")
        if host not in self._hosts:
            raise RefusedError("AccessDeniedException", f"This server does not answer as {host or 'nobody'}")
        origin = request.headers.get("origin")
        if origin is not None and origin not in self._origins:
            raise RefusedError("AccessDeniedException", f"Requests from {origin} are refused")
        if request.method == "OPTIONS":
            raise RefusedError("AccessDeniedException", "This server takes no requests from other origins")
        if unquote(request.path).startswith("/_") and request.path != HEALTH_PATH:
            raise RefusedError("AccessDeniedException", f"{request.path} is not available")

    async def _check_signature(self, request: Request, receive: Receive) -> tuple[str, Receive]:
        """The service that the request is signed for, and a `receive` that still has the whole body."""
        try:
            signature = sigv4.read(request)
            if not hmac.compare_digest(signature.access_key.encode(), self._access_key.encode()):
                message = f"The key is not this server's; {self.key_hint}"
                raise RefusedError("UnrecognizedClientException", message)
            body = None
            _check_length(request, OBJECT_LIMIT if signature.service == "s3" else BODY_LIMIT)
            if signature.service != "s3":
                body = await _read(receive)
                receive = _replay(body, receive)
            sigv4.verify(request, signature, self._secret_key, body)
        except SignatureError as error:
            raise RefusedError(error.code, error.message) from error
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
        raise RefusedError("RequestEntityTooLarge", f"A body of {length} bytes is over {limit}", 413)


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_LIMIT:
            raise RefusedError("RequestEntityTooLarge", f"The body is over {BODY_LIMIT} bytes", 413)
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """`receive` with the body given back as one message, then whatever follows."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


def _without_cors(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                h for h in message.get("headers", ()) if not h[0].lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": headers}
        await send(message)

    return sent


def _error(refused: RefusedError, service: str, request: Request) -> tuple[dict[str, str], bytes]:
    """In the form that the client expects: S3 and the query services in XML, all others in JSON, as are those
    of the query services that newer clients ask in JSON."""
    service = service or _claimed_service(request)
    code, message = refused.code, refused.message
    headers = {"x-amzn-errortype": code}
    if service in ("", "s3", *QUERY_SERVICES) and "x-amz-target" not in request.headers:
        inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        wrapped = (
            f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>" if service in QUERY_SERVICES else ""
        )
        return {**headers, "content-type": "application/xml"}, (wrapped or f"<Error>{inner}</Error>").encode()
    return {**headers, "content-type": protocol.JSON_TYPE}, json.dumps(
        {"__type": code, "message": message}
    ).encode()


def _claimed_service(request: Request) -> str:
    try:
        return sigv4.read(request).service
    except SignatureError:
        return "json" if "x-amz-target" in request.headers else ""


async def _answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
