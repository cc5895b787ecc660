"""The environment variables of a job: those of its container, and nothing of the user's account."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sagemaker_local.settings import Settings

PASSED = {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "TZ"}
PASSED_PREFIXES = ("PIP_", "UV_")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def base_environment(settings: Settings, home: Path, programs: tuple[Path, ...]) -> dict[str, str]:
    """`home` is made. `programs` are put before the system's folders; installers find the user's index."""
    return {
        **_passed(),
        "PATH": os.pathsep.join([*map(str, programs), SYSTEM_PATH]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "UTF-8",
        **account(settings, home),
    }


def account(settings: Settings, home: Path) -> dict[str, str]:
    """Every way that an AWS SDK finds an account, closed but for the local server's."""
    folder = home / ".aws"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config", "credentials"):
        (folder / name).touch()
    return {
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": settings.url,
        "AWS_ACCESS_KEY_ID": settings.access_key,
        "AWS_SECRET_ACCESS_KEY": settings.secret_key,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        **service_endpoints(settings),
    }


def service_endpoints(settings: Settings) -> dict[str, str]:
    """For AWS SDKs, where this service has an address of its own."""
    names = ("AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME")
    return dict.fromkeys(names, settings.service_url) if settings.service_url else {}


def with_requested(base: Mapping[str, str], requested: Mapping[str, str]) -> dict[str, str]:
    """The request's variables over the base's, but for what would lead to another account or endpoint."""
    return {**base, **{key: value for key, value in requested.items() if not leads_elsewhere(key)}}


def leads_elsewhere(key: str) -> bool:
    """AWS's own variables: credentials, profiles, endpoints, configuration files, the region."""
    return key.startswith("AWS_")


def _passed() -> dict[str, str]:
    passed = {
        key: value
        for key, value in os.environ.items()
        if key in PASSED or key.startswith(PASSED_PREFIXES) or key.upper() in PROXIES
    }
    configured = Path.home() / ".config/pip/pip.conf"
    if configured.is_file():
        passed.setdefault("PIP_CONFIG_FILE", str(configured))
    if any(key.upper() in PROXIES for key in passed):
        for name in ("NO_PROXY", "no_proxy"):
            passed[name] = ",".join(filter(None, [passed.get(name), "127.0.0.1,localhost"]))
    return passed
