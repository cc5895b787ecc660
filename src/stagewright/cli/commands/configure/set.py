"""PATH is the path of a setting, such as parameters.min_r2, stages.tune.enabled or
stages.train.hyperparameters.n-estimators. The resulting document is checked before anything is written.
A push does not change overrides.
"""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.api import documents, unpushed
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common.options import Json, PipelineName, TargetName

Settings = Annotated[
    list[str], typer.Argument(metavar="PATH=VALUE...", help="Settings and their new values.")
]


def command(
    pipeline: PipelineName, settings: Settings, target: TargetName = LOCAL, as_json: Json = False
) -> None:
    from stagewright.api import launch
    from stagewright.cli.common import changes
    from stagewright.runs.documents import overrides

    with existing_session(target) as connected:
        name = documents.name_of(pipeline)
        unpushed.warn(connected, name, pipeline)
        changed = overrides.put(connected.gateway, name, settings, launch.caller(connected))
    changes.print_report(changed, as_json)
