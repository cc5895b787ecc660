"""A file, YAML or JSON, -> document, with file and line at every problem.

Nothing is guessed: what two YAML readers read differently is refused with what to write instead. So the
document here is the document that Terraform stores. What is refused is read on as it was most
likely meant, so that every other problem is found with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagewright.errors import DocumentError, PlanError, Problem
from stagewright.plan import contract, images
from stagewright.spec.canonical import document_json, plain, sha256_of
from stagewright.spec.findings import Finding, nearest, problems
from stagewright.spec.findings import Path as Place
from stagewright.spec.load import load
from stagewright.spec.merging import merged, without
from stagewright.spec.overlays import overlay_findings
from stagewright.spec.pipeline import Pipeline
from stagewright.spec.yaml_traps import inexact, meant, resolve, trapped

if TYPE_CHECKING:
    import yaml

__all__ = ["document_json", "read", "read_overlay", "sha256_of"]

Check = Callable[[Path, Mapping[str, Any]], Iterator[Finding]]
"""Gets the document's folder, and what the document says, right or wrong."""

DEPTH = 60
JSON_FORM = "double quotes around keys and texts, no comma before } and ]"
HOSTED = "ProductionVariantInstanceType"
INSTANCE_TYPES = ("ProcessingInstanceType", "TrainingInstanceType", "TransformInstanceType", HOSTED)
"""Shapes of the SageMaker API reference: between them all instance types that it knows."""
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


def read(path: Path, *checks: Check) -> Pipeline:
    """The document in the file. DocumentError carries every problem found, those of `checks` too, with file
    and line.
    """
    source = _source(path, "a document has a name and stages")
    return _checked(source, source.data, path, path.parent, checks)


def data_of(path: Path) -> Mapping[str, Any]:
    """What the file says, right or wrong as a document. DocumentError where that is no mapping."""
    return dict(_source(path, "a document has a name and stages").data)


def read_overlay(path: Path, folder: Path, pipeline: Pipeline | None, *checks: Check) -> Mapping[str, Any]:
    """What the file changes of `pipeline`, whose document is in `folder`. DocumentError carries what is wrong
    with the file, and with the document that the two make together; with the file alone where there is no
    `pipeline`, its document being wrong.
    """
    source = _source(path, "an overlay holds what an environment changes of the document, such as parameters")
    if pipeline is None:
        if source.findings:
            raise DocumentError(problems(source.findings, source.lines, str(path)))
        return dict(plain(source.data))
    under = json.loads(document_json(pipeline))
    over = plain(source.data)
    for found in overlay_findings(under, over):
        source.findings.append(found)
        over = without(over, found.path)
    _checked(source, merged(under, over), path, folder, checks)
    return dict(over)


def _source(path: Path, remedy: str) -> Source:
    """What the file says. DocumentError where that is no mapping."""
    file = str(path)
    text = _text(path)
    source = JsonSource(text, file) if path.suffix.lower() == ".json" else YamlSource(text, file)
    if isinstance(source.data, dict):
        return source
    if source.findings:
        raise DocumentError(problems(source.findings, source.lines, file))
    what = "the file is empty" if source.data is None else "the file holds no mapping"
    raise _unreadable(file, what, remedy)


def _checked(
    source: Source, data: Mapping[str, Any], path: Path, folder: Path, checks: Iterable[Check]
) -> Pipeline:
    """The document `data`, at the lines of `source`."""
    file = str(path)
    own = (_unknown_images, _unknown_instance_types)
    findings = [found for check in (*own, *checks) for found in check(folder, data)]
    further = problems(findings, source.lines, file)
    try:
        pipeline = load(data, source.lines, file)
    except DocumentError as error:
        further = (*error.problems, *further)
    refused = problems(source.findings, source.lines, file)
    if not refused and not further:
        return pipeline
    raise DocumentError(_together(refused, further))


def _together(refused: tuple[Problem, ...], further: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """All in the order of the file. Of what is refused as text nothing further is said, but the words that a
    field takes."""
    takes = {each.path: each.message.partition(", not ")[0] for each in further}
    told = [
        replace(each, remedy=takes[each.path]) if takes.get(each.path, "").startswith("must be '") else each
        for each in refused
    ]
    told += [each for each in further if not any(_within(each.path, other.path) for other in refused)]
    return tuple(sorted(told, key=lambda problem: problem.line or 0))


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _unknown_images(_folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Aliases that no target knows; what is referred to shows only when a run is planned."""
    for path, image in _literals(data, "image"):
        try:
            images.check_alias(image)
        except PlanError as error:
            yield from (Finding(path, each.message, each.remedy) for each in error.problems)


def _unknown_instance_types(_folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Of the right form, and none that AWS has."""
    for path, instance_type in _literals(data, "instance_type"):
        known = {value for shape in INSTANCE_TYPES for value in contract.values(shape)}
        if instance_type.startswith("ml.") and instance_type not in known:
            message = f"AWS had no {instance_type} when this version was made"
            yield Finding(path, message, nearest(instance_type, known))


def _literals(data: Mapping[str, Any], field: str) -> Iterator[tuple[Place, str]]:
    """Of `defaults` and every stage, without those that refer to something."""
    stages = data.get("stages")
    named: list[tuple[Place, Any]] = [(("defaults",), data.get("defaults"))]
    named += [(("stages", name), stage) for name, stage in stages.items()] if isinstance(stages, dict) else []
    for place, holder in named:
        value = holder.get(field) if isinstance(holder, dict) else None
        if isinstance(value, str) and value and "${" not in value:
            yield (*place, field), value


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise _unreadable(str(path), "no such file", "give the path of a pipeline document") from None
    except IsADirectoryError:
        raise _unreadable(str(path), "this is a folder", "give the file in it") from None
    except OSError as error:
        raise _unreadable(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _unreadable(str(path), "the file is not UTF-8", "save it as UTF-8", line) from None


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
            if problem := trapped(event.value, key=True):
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
        if problem := trapped(text):
            self.refuse(path, *problem)
            return meant(text)
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
