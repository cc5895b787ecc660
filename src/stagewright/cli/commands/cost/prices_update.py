"""Reads AWS's public price lists and writes prices/<region>.json of this repository: the on-demand prices of
the instance types that the documents name, in training, processing, transform and endpoints, with volumes,
Glue and what an idle installation uses. Commit the file. It needs no credentials. Without a network, download
the lists and use --from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.api import price_file
from stagewright.cli.common import output
from stagewright.cli.common.options import Json
from stagewright.errors import DocumentError, NotFoundError, Problem

if TYPE_CHECKING:
    from stagewright.catalog.price_lists import PriceList
    from stagewright.catalog.prices import Prices

INSTANCE_TYPE = re.compile(r"\bml\.[a-z0-9-]+\.[a-z0-9-]+\b")
DOCUMENTS = ("*.yaml", "*.yml", "pipeline.json", "environments/*")

Region = Annotated[
    str, typer.Option("--region", metavar="REGION", help="The region. The default is that of the targets.")
]
Files = Annotated[
    list[Path],
    typer.Option(
        "--from", metavar="FILE", help="A downloaded price list, index.csv of one service. Repeatable."
    ),
]
AllTypes = Annotated[
    bool, typer.Option("--all-types", help="Keep every instance type of the region, not only those in use.")
]


def command(
    region: Region = "",
    files: Files = [],  # noqa: B006 -- Typer copies it
    all_types: AllTypes = False,
    as_json: Json = False,
) -> None:
    from stagewright.catalog.price_lists import prices_of

    repository = price_file.root(Path.cwd())
    lists = list(read_files(files))
    wanted = region or (lists[0].region if lists else price_file.region_of_targets())
    day = max((content.published for content in lists), default=datetime.now(UTC).date())
    prices = prices_of(lists or download(wanted), wanted, day)
    used = types_in_use(repository)
    missing = sorted(used - prices.instances.keys())
    path = price_file.path_of(repository, wanted)
    if not all_types:
        prices = only(prices, used)
    write(path, prices)
    report(path, prices, missing, day, as_json=as_json)


def read_files(files: Iterable[Path]) -> Iterator[PriceList]:
    """DocumentError: a file cannot be read, or is no price list."""
    from stagewright.catalog.price_lists import read

    for file in files:
        try:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                yield read(lines, str(file))
        except (OSError, UnicodeDecodeError) as error:
            message = f"cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
            raise DocumentError((Problem("", message, "give the path of index.csv", str(file)),)) from None


def download(region: str) -> Iterator[PriceList]:
    """Download the lists of a region. Only SageMaker's is needed: another one may be missing."""
    from stagewright.aws.price_download import download, url_of
    from stagewright.catalog.price_lists import SAGEMAKER, SERVICES, read

    for service in SERVICES:
        url = url_of(service, region)
        output.note(f"reading {url}")
        try:
            yield read(download(url).splitlines(keepends=True), url)
        except (NotFoundError, DocumentError) as error:
            if service == SAGEMAKER:
                raise
            output.note(f"warning: no prices of {service}: {error.message}")


def types_in_use(repository: Path) -> set[str]:
    """The instance types that the documents and overlays of a repository name."""
    folders = (repository, *(repository / "pipelines").glob("*/"))
    files = {file for folder in folders for pattern in DOCUMENTS for file in folder.glob(pattern)}
    texts = (file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file())
    return {name for text in texts for name in INSTANCE_TYPE.findall(text)}


def only(prices: Prices, types: Iterable[str]) -> Prices:
    """The prices with these instance types only."""
    wanted = set(types)
    instances = {name: purposes for name, purposes in prices.instances.items() if name in wanted}
    return prices.model_copy(update={"instances": instances})


def write(path: Path, prices: Prices) -> None:
    """Replace the file as a whole."""
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(prices.to_text(), encoding="utf-8")
    new.replace(path)


def report(path: Path, prices: Prices, missing: list[str], day: date, *, as_json: bool) -> None:
    for name in missing:
        output.note(f"warning: AWS has no price for {name} in {prices.region}")
    if not prices.instances:
        output.note("warning: no document here names an instance type with a price (see --all-types)")
    if as_json:
        output.print_json({"file": str(path), "missing": missing, **prices.model_dump(mode="json")})
        return
    types = output.counted(len(prices.instances), "instance type")
    output.print_line(f"{path}: {types} in {prices.region}, {prices.currency}, prices of {day}")
