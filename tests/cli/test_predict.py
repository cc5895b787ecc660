"""What data is sent as."""

from __future__ import annotations

import pytest

from stagewright.cli.commands.serve import predict


@pytest.mark.parametrize(
    ("body", "extension", "kind"),
    [
        (b"1,2", ".json", "application/json"),
        (b"{}", ".CSV", "text/csv"),
        (b"x", ".npy", "application/x-npy"),
        (b'{"a": 1}', "", "application/json"),
        (b"1,2\n3,4\n", "", "text/csv"),
        (b"a;b", ".txt", "text/csv"),
    ],
)
def test_content_type_is_from_extension_else_from_data(body, extension, kind):
    assert predict.kind_of(body, extension) == kind
