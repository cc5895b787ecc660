"""Which variables of the user's shell reach what. Every list is an allow-list: a shell holds secrets.

| process | variables |
|---|---|
| the server | MACHINE, CERTIFICATES, PROXIES, INSTALLERS, and the program's own |
| uv, which builds environments | the same, with the passwords of proxies and package indexes |
| jobs, model servers and functions | CERTIFICATES, PROXIES and JOBS, without passwords |
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

from sagemaker_local.settings import Program

MACHINE = frozenset(
    (
        "CONDA_PREFIX", "DYLD_FALLBACK_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "JAVA_HOME", "LANG",
        "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "PYENV_ROOT", "PYTHONDONTWRITEBYTECODE",
        "PYTHONHASHSEED", "PYTHONHOME", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "PYTHONUTF8",
        "PYTHONWARNINGS", "SHELL", "SPARK_HOME", "TEMP", "TERM", "TMP", "TMPDIR", "TZ", "USER",
        "VIRTUAL_ENV", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
    )
)  # fmt: skip
CERTIFICATES = frozenset(("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"))
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
"""In upper and lower case."""
INSTALLERS = frozenset(
    (
        "CC", "CFLAGS", "CMAKE_PREFIX_PATH", "CPPFLAGS", "CXX", "CXXFLAGS", "GIT_SSH_COMMAND", "LDFLAGS",
        "MAKEFLAGS", "NETRC", "PKG_CONFIG_PATH", "SSH_AUTH_SOCK", "UV_BUILD_CONSTRAINT", "UV_CACHE_DIR",
        "UV_CONCURRENT_BUILDS", "UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_INSTALLS", "UV_CONFIG_FILE",
        "UV_CONSTRAINT", "UV_CREDENTIALS_DIR", "UV_DEFAULT_INDEX", "UV_EXCLUDE_NEWER", "UV_EXTRA_INDEX_URL",
        "UV_FIND_LINKS", "UV_HTTP_RETRIES", "UV_HTTP_TIMEOUT", "UV_INDEX", "UV_INDEX_STRATEGY",
        "UV_INDEX_URL", "UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_LINK_MODE", "UV_NATIVE_TLS",
        "UV_NO_CACHE", "UV_NO_CONFIG", "UV_NO_INDEX", "UV_OFFLINE", "UV_OVERRIDE", "UV_PRERELEASE",
        "UV_PYTHON_CACHE_DIR", "UV_PYTHON_DOWNLOADS", "UV_PYTHON_INSTALL_DIR", "UV_PYTHON_INSTALL_MIRROR",
        "UV_PYTHON_PREFERENCE", "UV_REQUEST_TIMEOUT", "UV_RESOLUTION", "UV_SYSTEM_CERTS",
        "UV_TORCH_BACKEND",
    )
)  # fmt: skip
"""Variables of uv and of the compilers that it starts. UV_INDEX_<NAME>_USERNAME and _PASSWORD are more."""
INDEX_PASSWORD = re.compile(r"UV_INDEX_\w+_(USERNAME|PASSWORD)")
JOBS = frozenset(
    (
        "PIP_CACHE_DIR", "PIP_CERT", "PIP_CONSTRAINT", "PIP_DEFAULT_TIMEOUT",
        "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_INDEX_URL",
        "PIP_NO_BINARY", "PIP_NO_CACHE_DIR", "PIP_NO_INDEX", "PIP_ONLY_BINARY", "PIP_PREFER_BINARY",
        "PIP_PROXY", "PIP_RETRIES", "PIP_TIMEOUT", "PIP_TRUSTED_HOST", "TZ", "UV_CACHE_DIR",
        "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_HTTP_TIMEOUT", "UV_INDEX",
        "UV_INDEX_STRATEGY", "UV_INDEX_URL", "UV_INSECURE_HOST", "UV_LINK_MODE", "UV_NATIVE_TLS",
        "UV_NO_CACHE", "UV_NO_INDEX", "UV_OFFLINE", "UV_SYSTEM_CERTS",
    )
)  # fmt: skip
"""Variables with which a job's own pip and uv find the user's package index."""
LOOPBACK = "127.0.0.1,localhost"
CREDENTIALS = re.compile(r"(?<=://)[^/\s@]*@|[?#]\S*")
"""The user, the password and the query of a URL."""
URL_PASSWORD = re.compile(r"://[^/\s]*@|password", re.IGNORECASE)

_withheld: dict[str, str] = {}
"""What `withhold` has taken out of this process's environment."""


def for_server(shell: Mapping[str, str], program: Program) -> dict[str, str]:
    """Variables for a server, which builds environments and starts jobs. None are of an AWS account."""
    own = program.variable("")
    return _with_loopback(
        {
            name: value
            for name, value in shell.items()
            if name in MACHINE or name.startswith(("LC_", own)) or _is_for_installers(name)
        }
    )


def for_installers() -> dict[str, str]:
    """Variables for uv, from this process's environment and what was withheld from it."""
    shell = {**os.environ, **_withheld}
    return {
        name: value
        for name, value in shell.items()
        if name in MACHINE or name.startswith("LC_") or _is_for_installers(name)
    }


def for_jobs() -> dict[str, str]:
    """Variables for a job, a model server or a function. None has a password."""
    return _with_loopback(dict(_for_jobs({**os.environ, **_withheld})))


def withhold(environment: MutableMapping[str, str]) -> None:
    """Leave only `for_jobs` of what installers need in this process's environment.

    Functions inherit the environment. `for_installers` still has the rest.
    """
    _withheld.update({name: value for name, value in environment.items() if _is_for_installers(name)})
    for name in _withheld:
        environment.pop(name, None)
    environment.update(for_jobs())


def _for_jobs(shell: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in shell.items():
        if name in JOBS or name in CERTIFICATES or name.upper() in PROXIES:
            public = CREDENTIALS.sub("", value)
            if public and "@" not in public:
                yield name, public
    file = Path(shell.get("PIP_CONFIG_FILE") or Path.home() / ".config/pip/pip.conf")
    if file.is_file() and not URL_PASSWORD.search(file.read_text(errors="replace")):
        yield "PIP_CONFIG_FILE", str(file)


def _is_for_installers(name: str) -> bool:
    return (
        name in INSTALLERS
        or name in JOBS
        or name in CERTIFICATES
        or name == "PIP_CONFIG_FILE"
        or name.upper() in PROXIES
        or INDEX_PASSWORD.fullmatch(name) is not None
    )


def _with_loopback(variables: dict[str, str]) -> dict[str, str]:
    """The variables, with proxies that do not apply to loopback."""
    if any(name.upper() in PROXIES for name in variables):
        for name in ("NO_PROXY", "no_proxy"):
            variables[name] = ",".join(filter(None, [variables.get(name), LOOPBACK]))
    return variables
