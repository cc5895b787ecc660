"""Nothing is contacted and nothing is written. Exit code 2 when the document is wrong."""

from __future__ import annotations

from stagewright.cli import documents, output
from stagewright.cli.options import Document, Json


def command(place: Document, as_json: Json = False) -> None:
    pipeline = documents.read(place)
    if as_json:
        output.print_json({"valid": True, "pipeline": pipeline.name, "stages": list(pipeline.stages)})
    else:
        stages = ", ".join(
            name if stage.enabled else f"{name} (off)" for name, stage in pipeline.stages.items()
        )
        output.say(f"{pipeline.name} is valid: {stages}")
