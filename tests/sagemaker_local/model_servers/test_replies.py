"""Responses of a model server: whole, cut off, or too large for the service's memory."""

from __future__ import annotations

import socket
from http.client import HTTPException, HTTPResponse

import pytest

from sagemaker_local.model_servers import serving

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


def reply(sent: bytes) -> serving.Reply:
    server, client = socket.socketpair()
    with server, client:
        server.sendall(HEAD + sent)
        server.shutdown(socket.SHUT_WR)
        response = HTTPResponse(client, method="POST")
        try:
            response.begin()
            return serving._reply(response)
        finally:
            response.close()


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (b"Content-Length: 2\r\n\r\nok", b"ok"),
        (b"Content-Length: 0\r\n\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n", b"ok!"),
        (b"Connection: close\r\n\r\nok", b"ok"),
    ],
)
def test_whole_response(sent: bytes, body: bytes) -> None:
    assert reply(sent).body == body


@pytest.mark.parametrize(
    "sent", [b"Content-Length: 5\r\n\r\nok", b"Transfer-Encoding: chunked\r\n\r\n9\r\nok"]
)
def test_response_that_is_cut_off_is_an_error(sent: bytes) -> None:
    with pytest.raises(HTTPException):
        reply(sent)


@pytest.mark.parametrize(
    "sent",
    [b"Content-Length: 9\r\n\r\n123456789", b"Transfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n"],
)
def test_response_that_is_too_large_is_an_error(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REPLY_LIMIT", 8)
    with pytest.raises(HTTPException, match="its response has more than 8 bytes"):
        reply(sent)
