"""Folders that other users can write are not trusted: they hold keys, addresses and programs."""

from __future__ import annotations

import os
import socket
import stat
import sys

import pytest

from sagemaker_local.errors import ServiceError
from sagemaker_local.settings import Program
from sagemaker_local.state_folder import Server, StateFolder
from stagewright.cli import main
from stagewright.errors import TargetError
from stagewright.local import server as local
from stagewright.local.state import State

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("before", [0o755, 0o775, 0o700, 0o1777])
def test_existing_state_folder_is_closed_to_others(tmp_path, before):
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(before)
    StateFolder(folder).create()
    assert mode(folder) & 0o777 == 0o700


def test_state_folder_with_settings_is_closed_to_others(tmp_path):
    (tmp_path / "local.toml").touch()
    tmp_path.chmod(0o755)
    StateFolder(tmp_path).create()
    assert mode(tmp_path) == 0o700


def test_folder_with_other_files_keeps_its_mode(tmp_path):
    (tmp_path / "paper.txt").touch()
    tmp_path.chmod(0o755)
    StateFolder(tmp_path).create()
    assert mode(tmp_path) == 0o755


@pytest.mark.parametrize("before", [0o777, 0o1777, 0o702])
def test_state_folder_that_all_can_write_is_refused(tmp_path, before):
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "identity.json").touch()
    folder.chmod(before)
    with pytest.raises(ServiceError, match="can be written by all users") as raised:
        StateFolder(folder).create()
    assert raised.value.remedy == "choose another folder with --state"
    assert mode(folder) == before


@as_root
def test_state_folder_of_another_user_is_refused(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    with pytest.raises(ServiceError, match="belongs to another user"):
        StateFolder(folder).create()
    with pytest.raises(TargetError, match="belongs to another user"):
        local.up(folder)


def test_state_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "state").touch()
    with pytest.raises(ServiceError, match="cannot be used: File exists"):
        StateFolder(tmp_path / "state").create()


def test_key_that_others_can_read_is_closed(tmp_path):
    state = StateFolder(tmp_path)
    key = state.identity().secret_key
    state.identity_file.chmod(0o644)
    assert state.identity().secret_key == key
    assert mode(state.identity_file) == 0o600


@as_root
def test_address_in_another_users_folder_is_not_used(tmp_path):
    """Whoever runs that server would get the requests, and `down` would kill the process that it names."""
    folder = tmp_path / "state"
    state = State(folder)
    state.create()
    lock = state.hold()
    state.announce(Server("http://127.0.0.1:1", "key", "secret", os.getpid(), folder))
    assert local.find(folder) is not None
    os.chown(folder, NOBODY, NOBODY)
    for use in (local.find, local.down):
        with pytest.raises(TargetError, match="belongs to another user"):
            use(folder)
    os.close(lock)


@as_root
def test_environment_is_not_sent_to_another_users_socket(tmp_path, monkeypatch):
    monkeypatch.setenv("STAGEWRIGHT_STATE", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["stagewright"])
    path = main.socket_path(str(tmp_path))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(0.2)
        os.chown(path, NOBODY, NOBODY)
        assert main.run_in_daemon(["runs"]) is None
        with pytest.raises(TimeoutError):
            listener.accept()


def test_cache_that_all_can_write_is_refused(tmp_path, monkeypatch):
    """It holds the Pythons of jobs."""
    monkeypatch.setenv("SAGEMAKER_LOCAL_CACHE", str(tmp_path))
    assert Program().cache_folder == tmp_path
    tmp_path.chmod(0o777)
    with pytest.raises(ServiceError, match="can be written by all users") as raised:
        _ = Program().cache_folder
    assert raised.value.remedy == "choose another folder with SAGEMAKER_LOCAL_CACHE"
