"""The files `prices/<region>.json` of the user's repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.cli.common.target import FILE, LOCAL, configured_targets, validated_settings
from stagewright.errors import DocumentError, Problem

if TYPE_CHECKING:
    from stagewright.catalog.prices import Prices
    from stagewright.cli.common.target import Session

FOLDER = "prices"


def root(folder: Path) -> Path:
    """The folder with stagewright.toml or prices/: `folder`, or its nearest such parent. Else `folder`."""
    folder = folder.resolve()
    parents = (
        path for path in (folder, *folder.parents) if (path / FILE).is_file() or (path / FOLDER).is_dir()
    )
    return next(parents, folder)


def path_of(folder: Path, region: str) -> Path:
    return root(folder) / FOLDER / f"{region}.json"


def of_repository(session: Session, folder: Path) -> Prices | None:
    """The prices of the target's region. None: the repository has none. DocumentError: the file is wrong.

    A laptop has no region of its own: if the repository has the prices of one region, it uses those.
    """
    from stagewright.catalog.prices import parse

    path = path_of(folder, session.gateway.installation.region)
    files = sorted(path.parent.glob("*.json"))
    if session.is_local and not path.is_file() and len(files) == 1:
        (path,) = files
    return parse(path.read_bytes(), str(path)) if path.is_file() else None


def upload(session: Session, folder: Path) -> None:
    """Give the target the prices of the repository, if it has any."""
    from stagewright.runs import prices as price_store

    if prices := of_repository(session, folder):
        price_store.put(session.gateway, prices)


def region_of_targets() -> str:
    """The region of the targets of stagewright.toml. DocumentError: there is none, or there are several."""
    targets = configured_targets(Path.cwd())
    regions = {
        validated_settings(name, settings)["region"] for name, settings in targets.items() if name != LOCAL
    }
    if len(regions) == 1:
        return regions.pop()
    message = f"the targets are in {', '.join(sorted(regions))}" if regions else "no target has a region"
    raise DocumentError((Problem("--region", message, "stagewright prices update --region REGION"),))
