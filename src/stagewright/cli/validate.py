"""Nothing is contacted and nothing is written. Exit code 2 when the document or a file it names is wrong."""

from __future__ import annotations

from stagewright.cli import documents, output
from stagewright.cli.options import Document, Json


def command(place: Document, as_json: Json = False) -> None:
    from stagewright import specfile
    from stagewright.run.named_files import code_findings, sample_findings

    pipeline = specfile.read(documents.path_of(place), code_findings, sample_findings)
    if as_json:
        output.print_json({"valid": True, "pipeline": pipeline.name, "stages": list(pipeline.stages)})
    else:
        stages = ", ".join(
            name if stage.enabled else f"{name} (off)" for name, stage in pipeline.stages.items()
        )
        output.say(f"{pipeline.name} is valid: {stages}")
