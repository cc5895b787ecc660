"""Sample Lambda functions: the local target's stand-ins for the platform's functions on AWS."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from botocore.config import Config

from sagemaker_local.session import keyed
from sagemaker_local.state_folder import REGION, Server
from stagewright.errors import ReleaseError
from stagewright.local.state import INSTALLATION
from stagewright.runs.releases.code_folder import require_file

FORM = re.compile(r"(?P<path>.+\.py):(?P<handler>[A-Za-z_]\w*)")
SIZE_LIMIT = 50_000_000
"""Bytes of a directly uploaded zip (Lambda quotas: 50 MB)."""
TIMEOUT = 900
"""Seconds: Lambda's maximum (Lambda quotas). On AWS, the function has its own timeout."""
START = (1980, 1, 1, 0, 0, 0)
WAIT = {"Delay": 0.01, "MaxAttempts": 1000}


def put(server: Server, folder: Path, functions: Mapping[str, str]) -> tuple[str, ...]:
    """Create or update the functions and return the names of those that changed.

    `functions` maps a name to `path.py:handler`, with a path relative to `folder`. The code of a function is
    the folder of its file. Raises ReleaseError if a file does not exist.
    """
    if not functions:
        return ()
    code = {name: _code(name, folder, reference) for name, reference in functions.items()}
    session = keyed(server.access_key, server.secret_key, REGION)
    config = Config(retries={"total_max_attempts": 1})
    with closing(session.client("lambda", endpoint_url=server.url, config=config)) as client:
        return tuple(name for name, parts in code.items() if _put(client, name, *parts))


def _code(name: str, folder: Path, reference: str) -> tuple[str, bytes]:
    """Return the handler in Lambda's form, and the zip."""
    path = f"sample_functions.{name}"
    match = FORM.fullmatch(reference)
    if match is None:
        raise ReleaseError(
            f"{path}: {reference} is not file.py:function", "for example functions/notify.py:handler"
        )
    file = folder / match["path"]
    if not file.is_file():
        raise ReleaseError(f"{path}: {file} does not exist", "fix the path; it is relative to the document")
    archive = _zip(file.parent)
    if len(archive) > SIZE_LIMIT:
        size = f"{len(archive) // 10**6} MB, over {SIZE_LIMIT // 10**6}"
        raise ReleaseError(f"{path}: {file.parent} is {size}", "give the function a folder of its own")
    return f"{file.stem}.{match['handler']}", archive


def _zip(folder: Path) -> bytes:
    """Zip the folder. The same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for file in sorted(folder.rglob("*")):
            parts = file.relative_to(folder).parts
            if not file.is_dir() and not any(part.startswith((".", "__pycache__")) for part in parts):
                require_file(file, folder)
                target.writestr(zipfile.ZipInfo("/".join(parts), START), file.read_bytes())
    return buffer.getvalue()


def _put(client: Any, name: str, handler: str, archive: bytes) -> bool:
    settings = {"Handler": handler, "Timeout": TIMEOUT}
    try:
        current = client.get_function_configuration(FunctionName=name)
    except client.exceptions.ResourceNotFoundException:
        client.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=f"arn:aws:iam::{INSTALLATION.account}:role/{INSTALLATION.name('sample-function')}",
            Code={"ZipFile": archive},
            Tags=INSTALLATION.tags,
            **settings,
        )
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig=WAIT)
        return True
    digest = base64.b64encode(hashlib.sha256(archive).digest()).decode()
    if (current["CodeSha256"], current["Handler"]) == (digest, handler):
        return False
    client.update_function_code(FunctionName=name, ZipFile=archive)
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=WAIT)
    client.update_function_configuration(FunctionName=name, **settings)
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=WAIT)
    return True
