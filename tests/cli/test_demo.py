"""Which example the demo takes; the demo itself is run by tests/e2e and by `make demo`."""

from __future__ import annotations

import sys

import pytest

from stagewright.cli.commands.author import demo
from stagewright.cli.common import command_hints


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """As from a wheel: no repository around the package, and a current folder of the user's."""
    monkeypatch.setattr(demo, "PACKAGED", demo.CHECKOUT)
    monkeypatch.setattr(demo, "CHECKOUT", tmp_path / "none")
    folder = tmp_path / "my folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_demo_uses_the_example_of_the_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert demo.find_example() == demo.CHECKOUT
    assert list(tmp_path.iterdir()) == []


def test_demo_copies_the_example_once(installed, capsys):
    packaged = demo.PACKAGED
    place = demo.find_example()
    assert place == installed / "house-price"
    assert {path.relative_to(place) for path in place.rglob("*")} == {
        path.relative_to(packaged) for path in packaged.rglob("*")
    }
    assert str(place) in capsys.readouterr().err
    (place / "pipeline.yaml").write_text("name: mine\n")
    assert demo.find_example() == place
    assert (place / "pipeline.yaml").read_text() == "name: mine\n"
    assert capsys.readouterr().err == ""


def test_paths_are_relative_to_the_current_folder(installed):
    assert command_hints.shell_path(installed / "house-price") == "house-price"
    assert command_hints.shell_path(installed / "two words") == "'two words'"
    assert command_hints.shell_path(installed.parent / "other") == f"{installed.parent}/other"


def test_program_outside_path_is_printed_with_its_path(installed, monkeypatch):
    own = installed / ".venv" / "bin" / "stagewright"
    own.parent.mkdir(parents=True)
    own.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(own)])
    monkeypatch.setenv("PATH", "/nowhere")
    assert command_hints.program() == ".venv/bin/stagewright"
    monkeypatch.setenv("PATH", str(own.parent))
    assert command_hints.program() == "stagewright"


def test_run_command_repeats_the_parameters(installed, monkeypatch):
    monkeypatch.setattr("sys.argv", ["-c"])
    again = command_hints.run_command(installed / "house-price", ["min_r2=0.9", "label=two words"])
    assert again == "stagewright run house-price -p min_r2=0.9 -p 'label=two words'"
    assert command_hints.run_command(".") == "stagewright run ."
