"""Accepted and rejected requests, over plain HTTP: no AWS client sends most of these requests."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from tests.support.waiting import PATIENCE

from sagemaker_local.http import chunks, sigv4
from sagemaker_local.state_folder import Server

TARGET = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}


def send(
    server: Server, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    address = urlsplit(server.url)
    with closing(
        http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
    ) as connection:
        connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def signed(
    server: Server, body: bytes = b"{}", key: str = "", secret: str = "", **more: str
) -> tuple[dict[str, str], bytes]:
    """Headers of a correct request to list the tables, or one by another key."""
    request = AWSRequest("POST", server.url + "/", headers={**TARGET, **more}, data=body)
    SigV4Auth(
        Credentials(key or server.access_key, secret or server.secret_key), "dynamodb", "us-east-1"
    ).add_auth(request)
    return dict(request.headers.items()), body


def test_signed_request_is_served_without_cors(server: Server) -> None:
    status, headers, body = send(server, "POST", "/", *signed(server))
    assert status == 200
    assert "TableNames" in json.loads(body)
    assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", ""]
)
def test_foreign_host_is_rejected(server: Server, host: str) -> None:
    headers, body = signed(server)
    status, _, answer = send(server, "POST", "/", {**headers, "Host": host}, body)
    assert status == 403
    assert "does not answer as" in json.loads(answer)["message"]


def test_localhost_is_accepted_as_host(server: Server) -> None:
    host = f"localhost:{urlsplit(server.url).port}"
    request = AWSRequest("POST", f"http://{host}/", headers=TARGET, data=b"{}")
    SigV4Auth(Credentials(server.access_key, server.secret_key), "dynamodb", "us-east-1").add_auth(request)
    status, _, _ = send(server, "POST", "/", {**dict(request.headers.items()), "Host": host}, b"{}")
    assert status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
def test_foreign_origin_is_rejected_even_with_the_key(server: Server, origin: str) -> None:
    headers, body = signed(server)
    status, answer, _ = send(server, "POST", "/", {**headers, "Origin": origin}, body)
    assert status == 403
    assert "access-control-allow-origin" not in answer


def test_preflight_request_is_rejected(server: Server) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    for headers in (asked, {}):
        status, answer, _ = send(server, "OPTIONS", "/bucket/key", headers)
        assert status == 403
        assert not [name for name in answer if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),
        ("POST", "/", TARGET),
        ("PUT", "/bucket/key", {}),
        ("POST", "/2015-03-31/functions", {"Content-Type": "text/plain"}),
        ("GET", "/", {"Authorization": "Basic dXNlcjpwYXNz"}),
        ("GET", "/", {"Authorization": "AWS4-HMAC-SHA256 nonsense"}),
        ("POST", "/endpoints/house/invocations", {"X-Amz-Date": "20260101T000000Z"}),
    ],
)
def test_unsigned_request_is_rejected(
    server: Server, method: str, path: str, headers: dict[str, str]
) -> None:
    status, _, body = send(server, method, path, headers)
    assert status == 403
    assert b"not signed" in body


def test_other_key_is_rejected(server: Server) -> None:
    for wrong in ({"key": "AKIAIOSFODNN7EXAMPLE"}, {"secret": "guess"}):  # pragma: allowlist secret
        status, _, body = send(server, "POST", "/", *signed(server, **wrong))
        assert status == 403
        assert json.loads(body)["__type"] in ("UnrecognizedClientException", "SignatureDoesNotMatch")


def test_changed_body_is_rejected(server: Server) -> None:
    headers, _ = signed(server, b'{"Limit": 1}')
    status, _, body = send(server, "POST", "/", headers, b'{"Limit": 2}')
    assert status == 403
    assert json.loads(body)["__type"] == "SignatureDoesNotMatch"


def test_old_signature_is_rejected(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime

    then = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: then)
    status, _, body = send(server, "POST", "/", *signed(server))
    assert status == 403
    assert json.loads(body)["__type"] == "RequestExpired"


@pytest.mark.parametrize(
    "path", ["/_ministack/reset", "/%5Fministack/reset", "/_localstack/health", "/_aws/sqs/messages"]
)
def test_admin_paths_are_rejected_even_with_the_key(server: Server, path: str) -> None:
    request = AWSRequest("POST", server.url + path, data=b"")
    S3SigV4Auth(Credentials(server.access_key, server.secret_key), "s3", "us-east-1").add_auth(request)
    status, _, body = send(server, "POST", path, dict(request.headers.items()))
    assert status == 403
    assert b"is not available" in body


def test_health_needs_no_key_but_the_right_host(server: Server) -> None:
    assert send(server, "GET", "/_stagewright/health", {})[0] == 200
    assert send(server, "GET", "/_stagewright/health", {"Host": "evil.example"})[0] == 403


def test_presigned_url_works_until_it_is_changed(server: Server, client: Any) -> None:
    client("s3").create_bucket(Bucket="presigned")
    client("s3").put_object(Bucket="presigned", Key="ä b/+c", Body=b"text")
    key = Credentials(server.access_key, server.secret_key)
    request = AWSRequest("GET", f"{server.url}/presigned/%C3%A4%20b/%2Bc")
    S3SigV4QueryAuth(key, "s3", "us-east-1").add_auth(request)
    url = urlsplit(request.url)
    assert send(server, "GET", f"{url.path}?{url.query}", {})[2] == b"text"
    assert send(server, "GET", f"{url.path}x?{url.query}", {})[0] == 403


def test_presigned_url_expires(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime

    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=2)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: then)
    request = AWSRequest("GET", server.url + "/?x-id=ListBuckets")
    SigV4QueryAuth(Credentials(server.access_key, server.secret_key), "s3", "us-east-1", expires=60).add_auth(
        request
    )
    url = urlsplit(request.url)
    status, _, body = send(server, "GET", f"{url.path}?{url.query}", {})
    assert (status, b"RequestExpired" in body) == (403, True)


def presigned(server: Server, method: str, path: str, service: str = "s3", **more: Any) -> str:
    """Path and query of a URL that anybody who has it can use."""
    key = Credentials(server.access_key, server.secret_key)
    request = AWSRequest(method, server.url + path)
    kind = S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth
    kind(key, service, "us-east-1", **more).add_auth(request)
    url = urlsplit(request.url)
    return f"{url.path}?{url.query}"


@pytest.mark.parametrize(
    "headers",
    [
        TARGET,
        {"X-Amz-Target": "SageMaker.ListTrainingJobs", "Content-Type": "application/x-amz-json-1.1"},
        {"X-Amz-Target": "AWSStepFunctions.ListStateMachines"},
        {"X-Amz-Copy-Source": "/stagewright-local/secret"},
        {"X-Amz-Meta-Who": "me"},
        {"x-amz-security-token": "token"},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/dynamodb/aws4_request"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_presigned_url_with_headers_that_were_not_signed_is_rejected(
    server: Server, method: str, headers: dict[str, str]
) -> None:
    path = presigned(server, method, "/presigned-headers/key")
    status, _, body = send(server, method, path, headers, b"{}")
    assert status == 403
    assert b"not signed" in body or b"Only one auth mechanism" in body
    assert b"TableNames" not in body


def test_added_header_of_a_signed_request_is_rejected(server: Server) -> None:
    headers, body = signed(server)
    for added in ({"X-Amz-Security-Token": "x"}, {"x-amz-content-sha256": "e" * 64}):
        status, _, answer = send(server, "POST", "/", {**headers, **added}, body)
        assert (status, "were not signed" in json.loads(answer)["message"]) == (403, True)


def test_request_whose_host_is_not_signed_is_rejected(server: Server) -> None:
    headers, body = signed(server)
    headers["Authorization"] = headers["Authorization"].replace(";host", "")
    status, _, answer = send(server, "POST", "/", headers, body)
    assert (status, "were not signed: host" in json.loads(answer)["message"]) == (403, True)


@pytest.mark.parametrize("expires", [0, -5, 604_801, 10**12])
def test_presigned_url_lives_at_most_a_week(server: Server, expires: int) -> None:
    status, _, body = send(server, "GET", presigned(server, "GET", "/presigned/x", expires=expires), {})
    assert (status, b"AuthorizationQueryParametersError" in body) == (403, True)


def put_request(server: Server, path: str, body: bytes) -> dict[str, str]:
    request = AWSRequest("PUT", server.url + path, data=body)
    S3SigV4Auth(Credentials(server.access_key, server.secret_key), "s3", "us-east-1").add_auth(request)
    return dict(request.headers.items())


@pytest.mark.parametrize("size", [0, 5, 300_000])
def test_object_with_another_body_than_the_signed_one_is_rejected(
    server: Server, client: Any, size: int
) -> None:
    """A body of several parts is compared before its last part is passed on."""
    client("s3").create_bucket(Bucket="signed-bodies")
    headers = put_request(server, "/signed-bodies/key", b"a" * size)
    status, _, body = send(server, "PUT", "/signed-bodies/key", headers, b"b" * max(1, size))
    assert (status, b"XAmzContentSHA256Mismatch" in body) == (400, True)
    with pytest.raises(ClientError, match="Not Found"):
        client("s3").head_object(Bucket="signed-bodies", Key="key")
    assert (
        send(server, "PUT", "/signed-bodies/good", put_request(server, "/signed-bodies/good", b"x"), b"x")[0]
        == 200
    )


class ChunkedAuth(S3SigV4Auth):
    def payload(self, request: AWSRequest) -> str:
        return chunks.SIGNED


def chunked_request(server: Server, path: str, *parts: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body of an object that is sent in signed chunks."""
    request = AWSRequest("PUT", server.url + path, data=b"")
    request.headers["X-Amz-Decoded-Content-Length"] = str(sum(map(len, parts)))
    request.headers["Content-Encoding"] = "aws-chunked"
    ChunkedAuth(Credentials(server.access_key, server.secret_key), "s3", "us-east-1").add_auth(request)
    headers = dict(request.headers.items())
    signature = sigv4.read(
        sigv4.Request("PUT", path, "", {name.lower(): value for name, value in headers.items()})
    )
    key = sigv4.signing_key(server.secret_key, signature.date, "us-east-1", "s3")
    body, previous = b"", signature.value
    for part in (*parts, b""):
        hashes = [hashlib.sha256(data).hexdigest() for data in (b"", part)]
        text = "\n".join(("AWS4-HMAC-SHA256-PAYLOAD", signature.time, signature.scope, previous, *hashes))
        previous = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        body += f"{len(part):x};chunk-signature={previous}\r\n".encode() + part + b"\r\n"
    return headers, body


def test_object_in_signed_chunks_is_stored_only_as_it_was_signed(server: Server, client: Any) -> None:
    client("s3").create_bucket(Bucket="signed-chunks")
    headers, body = chunked_request(server, "/signed-chunks/key", b"a" * 200_000, b"b" * 10)
    for wrong in (body.replace(b"aaaa", b"aaab", 1), body.replace(b"bbb", b"bbc"), body[:-100], body + b"x"):
        status, _, answer = send(server, "PUT", "/signed-chunks/key", headers, wrong)
        assert (status, b"SignatureDoesNotMatch" in answer) == (403, True)
    with pytest.raises(ClientError, match="Not Found"):
        client("s3").head_object(Bucket="signed-chunks", Key="key")
    assert send(server, "PUT", "/signed-chunks/key", headers, body)[0] == 200
    stored = client("s3").get_object(Bucket="signed-chunks", Key="key")["Body"].read()
    assert stored == b"a" * 200_000 + b"b" * 10


def test_body_that_differs_from_its_signed_hash_is_rejected_by_json_apis(server: Server) -> None:
    """The header has the hash of the signed body, and the body is another one."""
    claimed = {"X-Amz-Content-SHA256": hashlib.sha256(b'{"Limit": 1}').hexdigest()}
    headers, _ = signed(server, b'{"Limit": 1}', **claimed)
    assert send(server, "POST", "/", headers, b'{"Limit": 1}')[0] == 200
    status, _, answer = send(server, "POST", "/", headers, b'{"Limit": 2}')
    assert (status, json.loads(answer)["__type"]) == (403, "SignatureDoesNotMatch")


def test_json_api_takes_no_unsigned_body(server: Server) -> None:
    headers, body = signed(server, b"{}", **{"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    assert send(server, "POST", "/", headers, body)[0] == 403


def test_too_large_body_is_rejected_before_it_is_sent(server: Server) -> None:
    headers, _ = signed(server)
    address = urlsplit(server.url)
    with closing(
        http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
    ) as connection:
        connection.putrequest("POST", "/")
        for name, value in {**headers, "Content-Length": str(10**9)}.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == 413


@pytest.mark.parametrize(
    "service", ["s3", "dynamodb", "sqs", "lambda", "stepfunctions", "iam", "sns", "sagemaker", "events"]
)
def test_clients_of_every_protocol_show_the_rejection(server: Server, service: str) -> None:
    wrong = boto3.client(
        service,
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",  # pragma: allowlist secret
        aws_secret_access_key="guess",
    )
    calls = {
        "s3": "list_buckets",
        "dynamodb": "list_tables",
        "sqs": "list_queues",
        "lambda": "list_functions",
        "stepfunctions": "list_state_machines",
        "iam": "list_roles",
        "sns": "list_topics",
        "sagemaker": "list_training_jobs",
        "events": "list_rules",
    }
    with closing(wrong), pytest.raises(ClientError, match="not this server's"):
        getattr(wrong, calls[service])()
