"""The script as a module (sagemaker_containers/_modules.py)."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from types import ModuleType

from . import files, folders
from .errors import ClientError

DEFAULT_MODULE_NAME = "default_user_module_name"


def exists(name: str) -> bool:
    """Whether a module of this name can be imported."""
    return importlib.util.find_spec(name) is not None


def has_requirements(path: str) -> bool:
    return os.path.exists(os.path.join(path, "requirements.txt"))


def install(path: str, *_ignored: object, **_also_ignored: object) -> None:
    """Install what requirements.txt of a folder lists, and make the folder's modules importable."""
    if has_requirements(path):
        command = [sys.executable, "-m", "pip", "install", "-r", "requirements.txt"]
        if subprocess.call(command, cwd=path):
            raise ClientError("the requirements of %s could not be installed" % path)
    if path not in sys.path:
        sys.path.insert(0, path)


def download_and_install(uri: str, *_ignored: object) -> None:
    files.download_and_extract(uri, folders.code_dir)
    install(folders.code_dir)


def import_module(uri: str, name: str = DEFAULT_MODULE_NAME, *_ignored: object) -> ModuleType:
    """Download a source (a folder, a file or an archive in S3), install its requirements and import it.

    ClientError if it cannot be imported.
    """
    download_and_install(uri)
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise ClientError(str(error)) from error
