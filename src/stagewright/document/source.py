"""."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stagewright.errors import DocumentError, Problem
from stagewright.syntax.ambiguous_scalars import ambiguity, inexact, likely_value, resolve
from stagewright.syntax.findings import Finding
from stagewright.syntax.findings import Path as Place

if TYPE_CHECKING:
    import yaml


DEPTH = 60
JSON_FORM = "double quotes around keys and texts, no comma before } and ]"
_CONTROL = re.compile(r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""YAML 1.2.2, production 1: what is not c-printable."""
_JSON_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


class Source:
    """What a file says: `data`, the line of every place in it, and what was wrong with its text."""

    def __init__(self) -> None:
        self.data: Any = None
        self.lines: dict[Place, int] = {}
        self.findings: list[Finding] = []

    def refuse(self, path: Place, message: str, remedy: str = "") -> None:
        self.findings.append(Finding(path, message, remedy))

    def at_key(self, path: Place, line: int) -> None:
        if path in self.lines:
            self.refuse(path, "the key is there twice", f"the first is in line {self.lines[path]}; keep one")
            self.lines = {place: at for place, at in self.lines.items() if place[: len(path)] != path}
        self.lines[path] = line


def _unreadable(file: str, message: str, remedy: str = "", line: int | None = None) -> DocumentError:
    return DocumentError((Problem("", message, remedy, file, line),))


class YamlSource(Source):
    """Built from the parser's events, so that no constructor of PyYAML's guesses a type."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__()
        try:
            import yaml
        except ModuleNotFoundError:
            raise _unreadable(file, "PyYAML is not installed", "pip install 'stagewright[cli]'") from None
        self._yaml = yaml
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            self._events: Iterator[Any] = iter(yaml.parse(text, Loader=loader))
            self._document()
        except yaml.YAMLError as error:
            raise _syntax(error, text, file) from None

    def _document(self) -> None:
        for event in self._events:
            line = event.start_mark.line + 1
            if isinstance(event, self._yaml.DocumentStartEvent):
                if self.lines:
                    self.lines[("---",)] = line
                    self.refuse(("---",), "a second document begins", "one document in a file")
                    return
                self.data = self._value(next(self._events), ())

    def _value(self, event: Any, path: Place) -> Any:
        self.lines.setdefault(path, event.start_mark.line + 1)
        if len(path) > DEPTH:
            raise self._yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)
        if isinstance(event, self._yaml.AliasEvent):
            self.refuse(path, f"*{event.anchor}: aliases are not taken", "write the value out")
            return None
        if getattr(event, "anchor", None):
            self.refuse(
                path, f"&{event.anchor}: anchors are not taken", "write the value out where it is used"
            )
        if tag := getattr(event, "tag", None):
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self.refuse(path, f"{shown}: tags are not taken", "leave it out, and quote what is text")
        if isinstance(event, self._yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, self._yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event, path)

    def _mapping(self, path: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), self._yaml.MappingEndEvent):
            key, place = self._key(event, path)
            self.at_key(place, event.start_mark.line + 1)
            found[key] = self._value(next(self._events), place)
        return found

    def _key(self, event: Any, path: Place) -> tuple[str, Place]:
        if not isinstance(event, self._yaml.ScalarEvent):
            self._value(event, (*path, "?", "key"))
            self.refuse((*path, "?"), "a key must be a text", "write key: value")
            return "?", (*path, "?")
        place = (*path, event.value)
        if event.anchor or event.tag:
            self.refuse(place, "anchors and tags are not taken", "leave them out")
        if not event.style:
            if problem := ambiguity(event.value, key=True):
                self.refuse(place, *problem)
            elif not isinstance(resolve(event.value), str):
                self.refuse(
                    place, f"{event.value or 'nothing'} is no text, and keys are", f'write "{event.value}"'
                )
        return event.value, place

    def _sequence(self, path: Place) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), self._yaml.SequenceEndEvent):
            found.append(self._value(event, (*path, len(found))))
        return found

    def _scalar(self, event: Any, path: Place) -> Any:
        text: str = event.value
        if event.style:
            return text
        if problem := ambiguity(text):
            self.refuse(path, *problem)
            return likely_value(text)
        return resolve(text)


def _syntax(error: yaml.YAMLError, text: str, file: str) -> DocumentError:
    mark = getattr(error, "problem_mark", None)
    if "quoted scalar" in (getattr(error, "context", None) or "") and "end of stream" in str(error):
        begins = error.context_mark  # type: ignore[attr-defined]  # only a marked error has a context
        told = f"no YAML: this quote is not closed (column {begins.column + 1})"
        return _unreadable(file, told, "close it", begins.line + 1)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    line, column = (mark.line, mark.column) if mark else _first_control(text)
    lines = text.splitlines()
    here = lines[line] if line < len(lines) else ""
    if "\u00a0" in "".join(map(_indentation, lines[max(0, line - 1) : line + 1])):
        told = f"no YAML: a no-break space in the indentation here or in line {line}"
        return _unreadable(file, told, "indent with plain spaces", line + 1)
    told, remedy = _told(what, here, getattr(error, "context", None) or "", here[column : column + 1])
    return _unreadable(file, f"no YAML: {told} (column {column + 1})", remedy, line + 1)


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _told(what: str, line: str, context: str, found: str) -> tuple[str, str]:
    """What the parser says, in words of the file, and what to do about it."""
    if "\t" in _indentation(line):
        return "a tab in the indentation", "indent with spaces"
    if "${" in line and "flow" in context:
        return what, 'references need quotes inside { } and [ ]: "${...}"'
    if context.startswith("while parsing a block"):
        return (
            "the indentation does not fit the lines above",
            "entries that belong together begin in one column",
        )
    if "mapping values are not allowed" in what:
        return (
            f"{what}: a second colon, or an indentation that does not fit the lines above",
            'quote a text that holds a colon: "..."',
        )
    if "cannot start any token" in what:
        return f"a text cannot begin with {found}", f'quote it: "{found}..."'
    return what, ""


def _first_control(text: str) -> tuple[int, int]:
    """Line and column, counted from 0, of the first character that YAML does not take."""
    found = _CONTROL.search(text)
    before = text[: found.start()] if found else ""
    return before.count("\n"), len(before) - before.rfind("\n") - 1


class JsonSource(Source):
    """JSON has one reading; only duplicate keys and inexact numbers are refused."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__()
        if not text.strip():
            return
        try:
            self.data = json.loads(text)
            self._words = _words(text)
            self._value(*next(self._words), ())
        except json.JSONDecodeError as error:
            raise _unreadable(
                file, f"no JSON: {error.msg} (column {error.colno})", JSON_FORM, error.lineno
            ) from None
        except RecursionError:
            raise _unreadable(file, "nested too deeply", "a document has a few levels") from None
        except ValueError:
            raise _unreadable(file, "a number has too many digits", "write it shorter") from None

    def _value(self, word: str, line: int, path: Place) -> None:
        self.lines.setdefault(path, line)
        if word == "{":
            self._mapping(path)
        elif word == "[":
            self._sequence(path)
        elif word in ("NaN", "Infinity", "-Infinity"):
            self.refuse(path, f"{word} is no number that JSON has", f'write "{word}"')
        elif word[0] in "-0123456789" and (problem := inexact(word)):
            self.refuse(path, *problem)

    def _mapping(self, path: Place) -> None:
        for word, line in self._words:
            if word == "}":
                return
            if word != ",":
                place = (*path, json.loads(word))
                self.at_key(place, line)
                next(self._words)  # the colon
                self._value(*next(self._words), place)

    def _sequence(self, path: Place) -> None:
        index = 0
        for word, line in self._words:
            if word == "]":
                return
            if word != ",":
                self._value(word, line, (*path, index))
                index += 1


def _words(text: str) -> Iterator[tuple[str, int]]:
    line, end = 1, 0
    for match in _JSON_WORD.finditer(text):
        line += text.count("\n", end, match.start())
        end = match.start()
        yield match[0], line
