"""Serves the provider to Terraform until standard input ends: `python -m tests.terraform.provider.serve`.

Prints one line, the value of TF_REATTACH_PROVIDERS that finds it.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from tests.terraform.provider.provider import ADDRESS, Provider
from tests.terraform.provider.wire import CALLS, MESSAGES

SCHEMA = Path(__file__).with_name("schema.json")
OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(16), options=OPTIONS)
    provider = Provider(SCHEMA)
    handlers = {name: _handler(provider, name) for name in CALLS}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    reattach = {
        "Protocol": "grpc",
        "ProtocolVersion": 6,
        "Pid": os.getpid(),
        "Test": True,
        "Addr": {"Network": "tcp", "String": f"127.0.0.1:{port}"},
    }
    print(json.dumps({ADDRESS: reattach}), flush=True)
    sys.stdin.read()
    server.stop(None)


def _handler(provider: Provider, name: str) -> Any:
    """An exception in the provider is an error of Terraform's."""
    request, answer = (MESSAGES[message] for message in CALLS[name])

    def call(given: Any, context: Any) -> Any:
        try:
            return getattr(provider, name)(given)
        except Exception as error:
            context.abort(grpc.StatusCode.INTERNAL, f"{name}: {error!r}")

    return grpc.unary_unary_rpc_method_handler(call, request.FromString, answer.SerializeToString)


if __name__ == "__main__":
    main()
