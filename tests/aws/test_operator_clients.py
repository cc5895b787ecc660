from __future__ import annotations

import pytest

from stagewright.errors import NotFoundError


def test_caller_returns_the_arn(gateway):
    account = gateway.installation.account
    assert gateway.caller.arn().startswith("arn:aws:")
    assert f":{account}:" in gateway.caller.arn()


def test_missing_function_is_named(gateway):
    with pytest.raises(NotFoundError, match=gateway.installation.name("router")):
        gateway.functions.environment("router")
