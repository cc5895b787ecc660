"""Where model servers listen: at sockets that no other user and no web page can reach."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.sagemaker_local.world import IMAGE
from tests.support.listening import listeners, process_tree
from tests.support.processes import command_lines

from sagemaker_local.http.unix_sockets import PATH_BYTES, SocketFolder

SCRIPT = """
def model_fn(folder): pass
def input_fn(body, content_type): return body
def predict_fn(data, model): return "yes"
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def test_only_this_user_can_enter_the_folder(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        folder = SocketFolder(tmp_path).path().parent
    finally:
        os.umask(umask)
    assert folder == tmp_path / "sockets"
    assert mode(folder) == 0o700


def test_an_open_folder_with_old_sockets_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "sockets").mkdir(mode=0o777)
    (tmp_path / "sockets/old").touch()
    folder = SocketFolder(tmp_path).path().parent
    assert mode(folder) == 0o700
    assert list(folder.iterdir()) == []


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o777)
    (tmp_path / "sockets").symlink_to(tmp_path / "shared")
    with pytest.raises(FileExistsError):
        SocketFolder(tmp_path).path()


@pytest.mark.parametrize("excess", [0, 1, 200])
def test_a_path_that_is_too_long_is_replaced_by_a_private_temporary_folder(
    tmp_path: Path, excess: int
) -> None:
    longest = PATH_BYTES - len("/sockets/12345678")
    root = tmp_path / ("é" * 100)[: max(1, (longest - len(str(tmp_path)) - 1 + excess) // 2)]
    root.mkdir()
    sockets = SocketFolder(root)
    path = sockets.path()
    assert len(os.fsencode(path)) <= PATH_BYTES
    assert mode(path.parent) == 0o700
    sockets.close()
    assert not path.parent.exists()


@linux
def test_a_model_server_listens_at_its_private_socket_only(world: Any) -> None:
    world.deploy("private", SCRIPT, SAGEMAKER_MODEL_SERVER_WORKERS="2", SAGEMAKER_BIND_TO_PORT="8080")
    folder = world.settings.root / "sockets"
    servers = [process for process, line in command_lines().items() if str(folder) in line]
    opened = listeners(process_tree(*servers))
    assert {listener.kind for listener in opened} == {"unix"}
    assert sorted(listener.address for listener in opened) == sorted(map(str, folder.iterdir()))
    assert len(opened) == 2
    assert mode(folder) == 0o700


def test_an_endpoint_serves_with_a_state_folder_of_any_length(world: Any, tmp_path: Path) -> None:
    world.service.close()
    world.settings = replace(world.settings, root=tmp_path / ("x" * 120) / "sagemaker")
    world.settings.root.parent.mkdir()
    (world.settings.root.parent / "local.toml").write_text(f'[pythons]\n"{IMAGE}" = "{sys.executable}"\n')
    world.restart_closed()
    assert world.deploy("distant", SCRIPT)["EndpointStatus"] == "InService"
    assert world.service.invoke("distant", b"1", {"content-type": "text/plain"}).status == 200
    folder = world.service._context.sockets.path().parent
    world.service.close()
    assert not folder.exists()
    world.restart_closed()
    assert world.service.invoke("distant", b"1", {"content-type": "text/plain"}).status == 200


def test_an_endpoint_serves_after_the_service_was_killed(world: Any) -> None:
    world.deploy("left", SCRIPT)
    (left,) = (world.settings.root / "sockets").iterdir()
    world.service.close()
    left.parent.mkdir()
    left.touch()
    world.restart_closed()
    assert world.service.invoke("left", b"1", {"content-type": "text/plain"}).status == 200
    assert not left.exists()
