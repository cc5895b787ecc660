"""The modules from an archive, a private registry and a bucket: the same plan as from a clone."""

from __future__ import annotations

import http.server
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.support.emulator import serving
from tests.terraform.session import FLAGS, Terraform, resources
from tools import module_archive

from stagewright import __version__
from stagewright.cli.commands.author import init
from stagewright.cli.commands.author.init_options import Example

KEY = "test"
REGISTRY = "registry.example.com/acme/stagewright/aws"


def test_archive_is_the_same_at_every_time_and_complete_in_itself() -> None:
    assert module_archive.archive() == module_archive.archive()
    with tarfile.open(fileobj=io.BytesIO(module_archive.archive())) as tar:
        names = set(tar.getnames())
        texts = {name: tar.extractfile(name).read().decode() for name in names if name.endswith(".tf")}  # type: ignore[union-attr]
    assert {"main.tf", "modules/pipeline/main.tf", "modules/ci/main.tf", "artifacts/functions.zip"} <= names
    assert {"artifacts/installation.json", "artifacts/ci.json", "artifacts/workflow.asl.json"} <= names
    assert [name for name, text in texts.items() if "src/stagewright" in text] == []
    assert [name for name in names if "test" in name or "example" in name] == []


@dataclass
class Shop:
    """An HTTP server with the archive, and a private registry that has one version of it."""

    address: str
    asked: list[str]

    @property
    def archive(self) -> str:
        return f"{self.address}/{module_archive.NAME}"

    def configuration(self, folder: Path) -> dict[str, str]:
        """Variables of Terraform that let it find the registry's service."""
        file = folder / "terraform.rc"
        services = f'services = {{ "modules.v1" = "{self.address}/modules/" }}'
        file.write_text(f'host "registry.example.com" {{\n  {services}\n}}\n')
        return {"TF_CLI_CONFIG_FILE": str(file)}


@pytest.fixture
def shop() -> Iterator[Shop]:
    packed, asked = module_archive.archive(), []
    versions = {"modules": [{"versions": [{"version": __version__}]}]}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            name = f"/modules/acme/stagewright/aws/{__version__}/download"
            if self.path.endswith("/versions"):
                self.reply(200, json.dumps(versions).encode(), "Content-Type", "application/json")
            elif self.path == name:
                self.reply(204, b"", "X-Terraform-Get", f"{made.archive}")
            else:
                found = self.path.partition("?")[0] == f"/{module_archive.NAME}"
                self.reply(
                    200 if found else 404, packed if found else b"", "Content-Type", "application/gzip"
                )

        def reply(self, status: int, body: bytes, header: str, value: str) -> None:
            self.send_response(status)
            self.send_header(header, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write no log."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Shop(f"http://127.0.0.1:{server.server_port}", asked)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()


Make = Callable[..., Terraform]


@pytest.fixture
def repository(terraform_python: Path, terraform_environment: dict[str, str], tmp_path: Path) -> Make:
    def make(**options: Any) -> Terraform:
        init.command(
            tmp_path / "demo", region="us-east-1", gitlab_project=42, example=Example.HOUSE_PRICE, **options
        )
        infra = tmp_path / "demo" / "infra"
        for folder in (infra, infra / "ci"):
            (folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        return Terraform(terraform_python, infra, terraform_environment)

    return make


def planned(made: Terraform, folder: Path) -> set[str]:
    part = replace(made, folder=folder)
    part.must("init", "-lockfile=readonly", *FLAGS)
    values = f"-var-file={made.folder}/envs/dev.tfvars"
    part.must("plan", "-out=plan.tfplan", values, *FLAGS)
    plan = json.loads(part.must("show", "-json", "plan.tfplan"))
    return {each["address"] for each in resources(plan["planned_values"]["root_module"])}


@pytest.mark.slow
@pytest.mark.parametrize("where", ["archive", "registry"])
def test_new_repository_takes_its_modules_from_there(
    repository: Make, shop: Shop, tmp_path: Path, where: str
) -> None:
    made = repository(modules=REGISTRY if where == "registry" else shop.archive)
    made = replace(made, environment=made.environment | shop.configuration(tmp_path))
    assert made("fmt", "-check", "-diff", "-recursive").code == 0
    installed = planned(made, made.folder)
    assert 'module.stagewright.module.router.aws_lambda_function.this["router"]' in installed
    assert 'module.pipelines["house-price"].aws_s3_object.manifest' in installed
    assert 'module.ci.aws_iam_role.this["apply"]' in planned(made, made.folder / "ci")
    assert any(path.endswith("/versions") for path in shop.asked) is (where == "registry")


@pytest.mark.slow
def test_new_repository_takes_its_modules_from_a_bucket(repository: Make, tmp_path: Path) -> None:
    with serving(tmp_path) as url:
        config = Config(s3={"addressing_style": "path"})
        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": KEY}
        s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=url, config=config, **keys)
        s3.create_bucket(Bucket="modules")
        s3.put_object(Bucket="modules", Key=module_archive.NAME, Body=module_archive.archive())
        query = f"region=us-east-1&aws_access_key_id={KEY}&aws_access_key_secret={KEY}"
        made = repository(modules=f"s3::{url}/modules/{module_archive.NAME}?{query}")
        installed = planned(made, made.folder)
        assert 'module.pipelines["house-price"].aws_s3_object.manifest' in installed
        assert 'module.ci.aws_iam_role.this["apply"]' in planned(made, made.folder / "ci")
