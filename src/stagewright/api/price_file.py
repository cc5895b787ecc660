"""The files `prices/<region>.json` of the user's repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.api.target import FILE, LOCAL, configured_targets, validated_settings
from stagewright.errors import DocumentError, Problem

if TYPE_CHECKING:
    from stagewright.api.target import Session
    from stagewright.catalog.prices import Prices

FOLDER = "prices"
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")


def root(folder: Path) -> Path:
    """The folder of the repository: the nearest with stagewright.toml, else with prices, else `folder`."""
    folder = folder.resolve()
    folders = (folder, *folder.parents)
    by_target = (path for path in folders if (path / FILE).is_file())
    by_prices = (path for path in folders if files(path))
    return next(by_target, next(by_prices, folder))


def files(repository: Path) -> list[Path]:
    """The files of prices of a repository, sorted. A pipeline may be called `prices`, too."""
    return sorted(path for path in (repository / FOLDER).glob("*.json") if REGION.fullmatch(path.stem))


def path_of(folder: Path, region: str) -> Path:
    return root(folder) / FOLDER / f"{region}.json"


def of_repository(session: Session, folder: Path) -> Prices | None:
    """The prices of the target's region. None: the repository has none. DocumentError: the file is wrong.

    A laptop has no region of its own: if the repository has the prices of one region, it uses those.
    """
    from stagewright.catalog.prices import parse

    path = path_of(folder, session.gateway.installation.region)
    others = files(path.parent.parent)
    if session.is_local and not path.is_file() and len(others) == 1:
        (path,) = others
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
    raise DocumentError((Problem("--region", message, "name one, such as --region eu-west-1"),))
