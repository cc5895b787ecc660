"""The argparse parser of a script, made again from the arguments that its source defines."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn


class ArgumentsError(Exception):
    """The arguments are rejected, for the reason that argparse prints."""


@dataclass(frozen=True)
class Option:
    """One `add_argument`: the names, and the keywords that decide what it takes."""

    names: tuple[str, ...]
    keywords: Mapping[str, Any]

    @property
    def is_positional(self) -> bool:
        return self.names[0][0] != "-"

    @property
    def takes_value(self) -> bool:
        action = self.keywords.get("action", "store")
        return action in ("store", "append", "extend")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ArgumentsError(message)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:  # `--help` and the like
        raise ArgumentsError(message or f"exits with code {status}")


@dataclass(frozen=True)
class ScriptParser:
    """The rebuilt parser."""

    options: tuple[Option, ...]
    keywords: Mapping[str, Any]

    @property
    def named(self) -> dict[str, Option]:
        """Name without dashes -> the option."""
        return {name.lstrip("-"): option for option in self.options if not option.is_positional
                for name in option.names}  # fmt: skip

    def check(self, arguments: list[str], *, required: bool, relaxed: bool = False) -> None:
        """Parse a command line as the script does. Raises ArgumentsError with the message of argparse.

        `required`: also check that nothing is missing. `relaxed`: accept every value.
        """
        parser = _Parser(prog="script", **self.keywords)
        for option in self.options:
            if required or not option.is_positional:
                parser.add_argument(*option.names, **_loosened(option.keywords, required, relaxed))
        parser.parse_args(arguments)


def _loosened(keywords: Mapping[str, Any], required: bool, relaxed: bool) -> dict[str, Any]:
    ignored = {*(() if required else ("required",)), *(("type", "choices") if relaxed else ())}
    return {word: value for word, value in keywords.items() if word not in ignored}
