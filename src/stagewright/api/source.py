"""A pipeline document on this disk, with its overlays and its code files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagewright.api.overlays import overlays
from stagewright.errors import DocumentError, Problem, ReleaseError

if TYPE_CHECKING:
    from stagewright.api.target import Session
    from stagewright.document.layers import Effective
    from stagewright.document.pipeline import Pipeline


@dataclass(frozen=True)
class Source:
    """A document: its path, its content, and its code files by path."""

    path: Path
    pipeline: Pipeline
    files: Mapping[str, bytes]

    @classmethod
    def read(cls, path: Path) -> Source:
        """Read a document and its code folder. DocumentError lists every problem."""
        from stagewright.api.sibling_checks import duplicate_name_findings
        from stagewright.document.file import read_document
        from stagewright.runs.releases.code_folder import scan
        from stagewright.runs.releases.named_files import code_findings

        pipeline = read_document(path, code_findings, duplicate_name_findings)
        return cls(path, pipeline, scan(path.parent / pipeline.code))

    def overlay(self, environment: str) -> Mapping[str, Any]:
        """Content of `environments/<environment>.yaml` next to the document. Empty if there is none."""
        from stagewright.document.file import read_overlay
        from stagewright.runs.releases.named_files import code_findings

        files = [file for file in overlays(self.path) if file.stem == environment]
        if len(files) > 1:
            names = " and ".join(file.name for file in files)
            raise ReleaseError(f"{files[0].parent}: {names} are for the same environment", "keep one of them")
        return read_overlay(files[0], self.path.parent, self.pipeline, code_findings) if files else {}

    def in_environment(self, environment: str) -> Pipeline:
        """The document merged with the overlay of `environment`."""
        from stagewright.document.load import load
        from stagewright.document.merge import merged

        overlay = self.overlay(environment)
        base = self.pipeline.model_dump(mode="json", exclude_unset=True)
        return load(merged(base, overlay)) if overlay else self.pipeline

    def check(self, pipeline: Pipeline) -> tuple[Problem, ...]:
        """The warnings about the code of `pipeline`: the document, possibly with an overlay and parameters.

        DocumentError: a job surely fails.
        """
        from stagewright.code_checks.checks import check_code

        problems = check_code(pipeline, self.files)
        if problems.errors:
            raise DocumentError(self._located(problems.errors))
        return self._located(problems.warnings)

    def _located(self, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
        """The problems with the paths of their files, and the lines of the document."""
        from stagewright.document.file import located

        folder = self.path.parent / self.pipeline.code
        code = tuple(
            replace(problem, file=str(folder / problem.file)) for problem in problems if problem.file
        )
        return code + located((problem for problem in problems if not problem.file), self.path)


def effective(session: Session, source: Source) -> Effective:
    """The document that a push of `source` would have in the target: base, overlay and overrides merged."""
    from stagewright.document.layers import effective
    from stagewright.runs.documents import layers

    gateway = session.gateway
    overlay = source.overlay(gateway.installation.environment)
    stored = layers.on_disk(gateway, source.pipeline, overlay)
    return effective(stored, gateway.allows_code_overrides)
