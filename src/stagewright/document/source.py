"""Parse YAML and JSON with the line of every value, and reject what readers interpret differently."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stagewright.errors import DocumentError, Problem
from stagewright.syntax.ambiguous_scalars import ambiguity, inexact, likely_value, resolve
from stagewright.syntax.findings import Finding, Path

if TYPE_CHECKING:
    import yaml


DEPTH = 60
"""Maximum nesting."""
JSON_REMEDY = "put keys and texts in double quotes, and no comma before } and ]"
_CONTROL = re.compile(r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that YAML does not allow (YAML 1.2.2, production 1: not c-printable)."""
_JSON_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


class Source:
    """A parsed file: its data, the line of every path, and the problems of its text."""

    def __init__(self) -> None:
        self.data: Any = None
        self.lines: dict[Path, int] = {}
        self.findings: list[Finding] = []

    def reject(self, path: Path, message: str, remedy: str = "") -> None:
        self.findings.append(Finding(path, message, remedy))

    def add_key(self, path: Path, line: int) -> None:
        """Record the line of a key. If it repeats, reject it and forget the lines of the first value."""
        if path in self.lines:
            self.reject(path, "the key is repeated", f"the first is in line {self.lines[path]}; keep one")
            self.lines = {known: at for known, at in self.lines.items() if known[: len(path)] != path}
        self.lines[path] = line


def unreadable(file: str, message: str, remedy: str = "", line: int | None = None) -> DocumentError:
    """Return the error for a file that cannot be parsed."""
    return DocumentError((Problem("", message, remedy, file, line),))


class YamlSource(Source):
    """A YAML file. It is built from the parser's events, so that PyYAML does not guess types."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__()
        try:
            import yaml
        except ModuleNotFoundError:
            raise unreadable(file, "PyYAML is not installed", "pip install 'stagewright[cli]'") from None
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
                    self.reject(("---",), "a second document begins here", "use one document per file")
                    return
                self.data = self._value(next(self._events), ())

    def _value(self, event: Any, path: Path) -> Any:
        self.lines.setdefault(path, event.start_mark.line + 1)
        if len(path) > DEPTH:
            raise self._yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)
        if isinstance(event, self._yaml.AliasEvent):
            self.reject(path, f"*{event.anchor}: aliases are not allowed", "repeat the value")
            return None
        if getattr(event, "anchor", None):
            self.reject(
                path, f"&{event.anchor}: anchors are not allowed", "repeat the value where it is used"
            )
        if tag := getattr(event, "tag", None):
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self.reject(path, f"{shown}: tags are not allowed", "remove it, and quote texts")
        if isinstance(event, self._yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, self._yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event, path)

    def _mapping(self, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self._events), self._yaml.MappingEndEvent):
            key, key_path = self._key(event, path)
            self.add_key(key_path, event.start_mark.line + 1)
            mapping[key] = self._value(next(self._events), key_path)
        return mapping

    def _key(self, event: Any, path: Path) -> tuple[str, Path]:
        if not isinstance(event, self._yaml.ScalarEvent):
            self._value(event, (*path, "?", "key"))
            self.reject((*path, "?"), "a key must be a text", "write key: value")
            return "?", (*path, "?")
        key_path = (*path, event.value)
        if event.anchor or event.tag:
            self.reject(key_path, "anchors and tags are not allowed", "remove them")
        if not event.style:
            if problem := ambiguity(event.value, key=True):
                self.reject(key_path, *problem)
            elif not isinstance(resolve(event.value), str):
                self.reject(
                    key_path,
                    f"{event.value or 'nothing'} is not a text; keys must be",
                    f'write "{event.value}"',
                )
        return event.value, key_path

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), self._yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _scalar(self, event: Any, path: Path) -> Any:
        text: str = event.value
        if event.style:
            return text
        if problem := ambiguity(text):
            self.reject(path, *problem)
            return likely_value(text)
        return resolve(text)


def _syntax(error: yaml.YAMLError, text: str, file: str) -> DocumentError:
    mark = getattr(error, "problem_mark", None)
    if "quoted scalar" in (getattr(error, "context", None) or "") and "end of stream" in str(error):
        begins = error.context_mark  # type: ignore[attr-defined]  # only a marked error has a context
        message = f"invalid YAML: this quote is not closed (column {begins.column + 1})"
        return unreadable(file, message, "close it", begins.line + 1)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    line, column = (mark.line, mark.column) if mark else _first_control(text)
    lines = text.splitlines()
    here = lines[line] if line < len(lines) else ""
    if "\u00a0" in "".join(map(_indentation, lines[max(0, line - 1) : line + 1])):
        message = f"invalid YAML: a no-break space in the indentation here or in line {line}"
        return unreadable(file, message, "indent with plain spaces", line + 1)
    message, remedy = _explained(what, here, getattr(error, "context", None) or "", here[column : column + 1])
    return unreadable(file, f"invalid YAML: {message} (column {column + 1})", remedy, line + 1)


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _explained(what: str, line: str, context: str, character: str) -> tuple[str, str]:
    """Return the parser's problem in plain words, and a remedy."""
    if "\t" in _indentation(line):
        return "a tab in the indentation", "indent with spaces"
    if "${" in line and "flow" in context:
        return what, 'references need quotes inside { } and [ ]: "${...}"'
    if context.startswith("while parsing a block"):
        return (
            "the indentation does not fit the lines above",
            "entries of one block must begin in the same column",
        )
    if "mapping values are not allowed" in what:
        return (
            f"{what}: a second colon, or an indentation that does not fit the lines above",
            'quote a text that contains a colon: "..."',
        )
    if "cannot start any token" in what:
        return f"a text cannot begin with {character}", f'quote it: "{character}..."'
    return what, ""


def _first_control(text: str) -> tuple[int, int]:
    """Return line and column, counted from 0, of the first character that YAML does not allow."""
    match = _CONTROL.search(text)
    before = text[: match.start()] if match else ""
    return before.count("\n"), len(before) - before.rfind("\n") - 1


class JsonSource(Source):
    """A JSON file. JSON is unambiguous: only repeated keys and inexact numbers are rejected."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__()
        if not text.strip():
            return
        try:
            self.data = json.loads(text)
            self._words = _words(text)
            self._value(*next(self._words), ())
        except json.JSONDecodeError as error:
            raise unreadable(
                file, f"invalid JSON: {error.msg} (column {error.colno})", JSON_REMEDY, error.lineno
            ) from None
        except RecursionError:
            raise unreadable(file, "the file is nested too deeply", "a document has few levels") from None
        except ValueError:
            raise unreadable(file, "a number has too many digits", "write fewer digits") from None

    def _value(self, word: str, line: int, path: Path) -> None:
        self.lines.setdefault(path, line)
        if len(path) > DEPTH:
            raise RecursionError
        if word == "{":
            self._mapping(path)
        elif word == "[":
            self._sequence(path)
        elif word in ("NaN", "Infinity", "-Infinity"):
            self.reject(path, f"{word} is not a JSON number", f'write "{word}"')
        elif word[0] in "-0123456789" and (problem := inexact(word)):
            self.reject(path, *problem)

    def _mapping(self, path: Path) -> None:
        for word, line in self._words:
            if word == "}":
                return
            if word != ",":
                key_path = (*path, json.loads(word))
                self.add_key(key_path, line)
                next(self._words)  # the colon
                self._value(*next(self._words), key_path)

    def _sequence(self, path: Path) -> None:
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
