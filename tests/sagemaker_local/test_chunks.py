"""Bodies in signed chunks, with the examples of the Amazon S3 API reference ("Chunked Upload")."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import random

import pytest

from sagemaker_local.http import chunks, sigv4
from sagemaker_local.http.chunks import Chunks
from sagemaker_local.http.sigv4 import Request, Signature, SignatureError

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TIME, REGION = "20130524T000000Z", "us-east-1"
PLAIN = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
PLAIN_CHUNKS = (
    (65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
    (1_024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
    (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
)
WITH_TRAILER = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
TRAILER_CHUNKS = (
    (65_536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
    (1_024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"),
    (0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"),
)
CHECKSUM = b"x-amz-checksum-crc32c:sOO8/Q=="


def signature(seed):
    return Signature("known", TIME[:8], REGION, "s3", ("host",), seed, TIME, 0, False)


def sent(rows, trailer=b""):
    parts = [
        f"{size:x};chunk-signature={value}\r\n".encode() + (b"a" * size + b"\r\n" if size else b"")
        for size, value in rows
    ]
    return b"".join(parts) + trailer + b"\r\n"


def trailer(line=CHECKSUM):
    """A trailing header with its signature."""
    key = sigv4.signing_key(SECRET, TIME[:8], REGION, "s3")
    digest = hashlib.sha256(line + b"\n").hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256-TRAILER", TIME, signature("").scope, TRAILER_CHUNKS[-1][1], digest))
    value = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return line + b"\r\nx-amz-trailer-signature:" + value.encode() + b"\r\n"


BODIES = {
    "plain": (PLAIN, False, sent(PLAIN_CHUNKS)),
    "trailer": (WITH_TRAILER, True, sent(TRAILER_CHUNKS, trailer())),
}


def check(kind, body, cuts=()):
    seed, has_trailer, _ = BODIES[kind]
    verified, places = Chunks(signature(seed), SECRET, has_trailer), [0, *sorted(cuts), len(body)]
    for start, end in itertools.pairwise(places):
        verified.check(body[start:end], more=end < len(body))


@pytest.mark.parametrize("kind", BODIES)
def test_examples_of_aws_are_accepted_in_any_parts(kind):
    body = BODIES[kind][2]
    check(kind, body)
    choices = random.Random(7)
    for _ in range(20):
        check(kind, body, [choices.randrange(len(body)) for _ in range(choices.randrange(1, 9))])
    check(kind, body[-400:] and body, range(len(body) - 400, len(body)))


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("place", [0, 2, 60, 100, 30_000, 65_625, 66_000, -500, -150, -80, -30, -10, -3])
def test_changed_byte_is_rejected(kind, place):
    body = bytearray(BODIES[kind][2])
    body[place] ^= 1
    with pytest.raises(SignatureError) as caught:
        check(kind, bytes(body))
    assert caught.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("length", [0, 1, 50, 90, 30_000, 66_800, -1, -2, -4, -60, -100])
def test_cut_body_is_rejected(kind, length):
    with pytest.raises(SignatureError):
        check(kind, BODIES[kind][2][:length])


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("added", [b"\r\n", b"x", b"0\r\n\r\n"])
def test_longer_body_is_rejected(kind, added):
    with pytest.raises(SignatureError):
        check(kind, BODIES[kind][2] + added)


def test_chunks_in_another_order_or_twice_are_rejected():
    first, second, last = PLAIN_CHUNKS
    for rows in ((second, first, last), (first, first, second, last), (first, last), (last,)):
        with pytest.raises(SignatureError):
            check("plain", sent(rows))


def test_trailer_needs_its_signature_and_no_other_header():
    for added in (CHECKSUM + b"\r\n", b"", trailer() + b"x-amz-meta-a:1\r\n", b"a:1\r\n" + trailer()):
        with pytest.raises(SignatureError):
            check("trailer", sent(TRAILER_CHUNKS, added))
    with pytest.raises(SignatureError):
        check("plain", sent(PLAIN_CHUNKS, trailer()))


def test_endless_header_is_rejected_before_it_fills_the_memory():
    for start in (b"", sent(PLAIN_CHUNKS)[:-2]):
        verified = Chunks(signature(PLAIN), SECRET, False)
        verified.check(start, more=True)
        with pytest.raises(SignatureError):
            verified.check(b"1" * 10_000, more=True)


def of(kind):
    request = Request("PUT", "/b/k", "", {"x-amz-content-sha256": kind})
    return chunks.of(request, signature(PLAIN), SECRET)


@pytest.mark.parametrize(
    "kind", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", hashlib.sha256(b"").hexdigest()]
)
def test_body_without_signed_chunks_has_none(kind):
    assert of(kind) is None


@pytest.mark.parametrize(
    "kind", ["STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-", "STREAMING-AWS4-HMAC-SHA256-PAYLOADX"]
)
def test_chunks_of_another_kind_are_refused(kind):
    with pytest.raises(SignatureError) as caught:
        of(kind)
    assert caught.value.code == "InvalidArgument"
