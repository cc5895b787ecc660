"""Prices as a user meets them: read into the repository, shown by `plan`, `show` and `runs`, limited by
`budget`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.support import price_lists
from tests.support.command_line import DOCUMENT, tiny

from stagewright.api import price_file
from stagewright.aws import price_download
from stagewright.cli.commands.cost import prices_update
from stagewright.errors import NotFoundError, TargetError
from stagewright.installation.resources import resources
from stagewright.local import server

FILE = Path("prices/us-east-1.json")
ROWS = (*price_lists.SAGEMAKER, ("USE1-Train:ml.m5.large", "0.36"), ("USE1-Processing:ml.m5.large", "0.72"))


@pytest.fixture
def repository(tmp_path):
    """A repository with a document, and AWS's price lists beside it."""
    command = tiny(tmp_path)
    command.lists = price_lists.write_all(tmp_path)
    (tmp_path / "AmazonSageMaker.csv").write_text(price_lists.price_list(rows=ROWS))
    return command


def prices(command):
    return json.loads((command.folder / FILE).read_text())


def failed(command, *arguments):
    done = command(*arguments)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_update_writes_the_types_in_use_for_each_purpose(repository):
    done = repository("prices", "update", *repository.lists)
    assert done.returncode == 0, done.stderr
    assert prices(repository)["instances"] == {
        "ml.m5.large": {"endpoint": "0.115", "processing job": "0.72", "training job": "0.36"}
    }
    assert done.stdout == (
        f"{repository.folder / FILE}: 1 instance type in us-east-1, USD, prices of 2026-11-27\n"
    )


def test_types_of_overlays_and_of_other_pipelines_are_in_use(repository):
    overlay = repository.folder / "environments" / "prod.yaml"
    overlay.parent.mkdir()
    overlay.write_text("stages: {fit: {instance_type: ml.g5.xlarge}}\n")
    other = repository.folder / "pipelines" / "other" / "pipeline.yaml"
    other.parent.mkdir(parents=True)
    other.write_text("defaults: {instance_type: ml.m5.xlarge}\n")
    assert repository("prices", "update", *repository.lists).returncode == 0
    assert prices(repository)["instances"].keys() == {"ml.g5.xlarge", "ml.m5.large", "ml.m5.xlarge"}


def test_all_types_keeps_every_type_of_the_region(repository):
    shown = repository.json("prices", "update", *repository.lists, "--all-types")
    assert shown["instances"].keys() == {"ml.g5.xlarge", "ml.m5.large", "ml.m5.xlarge"}
    assert shown["file"] == str(repository.folder / FILE)


def test_type_that_aws_does_not_price_is_named(repository):
    document = repository.folder / "pipeline.yaml"
    document.write_text(DOCUMENT.replace("ml.m5.large", "ml.x9.tiny"))
    done = repository("prices", "update", *repository.lists)
    assert done.returncode == 0
    assert "warning: AWS has no price for ml.x9.tiny in us-east-1" in done.stderr


def test_region_is_that_of_the_targets(repository):
    target = '[targets.dev]\nbucket = "b"\nregion = "eu-west-1"\nenvironment = "dev"\n'
    (repository.folder / "stagewright.toml").write_text(target)
    code, text = failed(repository, "prices", "update", *repository.lists, "--region", "eu-west-1")
    assert code == 2
    assert "AmazonSageMaker has prices of us-east-1 in USD, not of eu-west-1" in text
    code, text = failed(repository, "prices", "idle")
    assert code == 5
    assert text.endswith("try: stagewright prices update --region eu-west-1\n")
    (repository.folder / "stagewright.toml").write_text(
        target + target.replace("dev", "prod").replace("eu", "us")
    )
    code, text = failed(repository, "prices", "update")
    assert code == 2
    assert "the targets are in eu-west-1, us-west-1" in text


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"<html>denied</html>\n", b'{"products": {}}\n'])
def test_broken_price_list_leaves_the_file_as_it_is(repository, content):
    assert repository("prices", "update", *repository.lists).returncode == 0
    before = prices(repository)
    (repository.folder / "AmazonSageMaker.csv").write_bytes(content)
    code, text = failed(repository, "prices", "update", *repository.lists)
    assert code == 2
    assert f"{repository.folder}/AmazonSageMaker.csv: " in text
    assert prices(repository) == before
    assert [path.name for path in (repository.folder / "prices").iterdir()] == [FILE.name]


def test_missing_price_list_is_named(repository):
    code, text = failed(repository, "prices", "update", "--from", "none.csv")
    message = "none.csv: cannot be read: No such file or directory (give the path of index.csv)"
    assert (code, text) == (2, f"error: {message}\n")


def test_list_of_another_service_is_not_enough(repository):
    code, text = failed(repository, "prices", "update", "--from", str(repository.folder / "AWSGlue.csv"))
    assert code == 2
    assert "these are the prices of AWSGlue, not of AmazonSageMaker" in text


def test_without_a_network_the_remedy_is_a_file(repository, monkeypatch):
    monkeypatch.setitem(price_download.HOSTS, "aws", "https://127.0.0.1:1/offers/v1.0/aws")
    repository.environment["no_proxy"] = "*"
    code, text = failed(repository, "prices", "update", "--region", "us-east-1")
    assert code == 4
    assert text.endswith("try: try again, or download it elsewhere and use --from FILE\n")


def test_idle_cost_is_computed_from_the_resources(repository):
    assert repository("prices", "update", *repository.lists).returncode == 0
    shown = repository.json("prices", "idle", "--region", "us-east-1")
    costs = {(item["what"], item["unit"]): item["cost"] for item in shown["items"]}
    assert Decimal(costs["alarms", "alarm-month"]) == len(resources()["alarms"]) * Decimal("0.1")
    assert costs["dashboard", "dashboard-month"] is None  # the list has no price for it
    assert costs["polls of the queue", "sqs request"] == "0.2628000"  # 5 pollers, 20 s
    known = [Decimal(cost) for cost in costs.values() if cost]
    assert Decimal(shown["monthly"]) == sum(known)
    text = repository("prices", "idle", "--region", "us-east-1").stdout.splitlines()
    assert text[-1].startswith("idle: ")
    assert text[-1].endswith(" USD a month in us-east-1 (prices of 2026-11-27)")
    assert any(line.startswith("dashboard") and line.endswith("no price") for line in text)


@pytest.mark.parametrize(
    ("files", "used"),
    [
        (("us-east-1",), "us-east-1"),
        (("eu-west-1",), "eu-west-1"),  # a laptop has no region
        (("eu-west-1", "us-west-2"), None),
        ((), None),
    ],
)
def test_laptop_uses_the_only_prices_of_the_repository(tmp_path, files, used):
    class Local:
        is_local = True

        class gateway:  # noqa: N801
            class installation:  # noqa: N801
                region = "us-east-1"

    (tmp_path / "prices").mkdir()
    for region in files:
        content = {"region": region, "currency": "USD", "date": "2026-11-27"}
        (tmp_path / "prices" / f"{region}.json").write_text(json.dumps(content))
    folder = tmp_path / "pipelines" / "one"
    folder.mkdir(parents=True)
    found = price_file.of_repository(Local(), folder)
    assert (found.region if found else None) == used
    Local.is_local = False
    found = price_file.of_repository(Local(), folder)
    assert (found.region if found else None) == ("us-east-1" if used == "us-east-1" else None)


def test_pipeline_that_is_called_prices_is_no_folder_of_prices(tmp_path):
    pipeline = tmp_path / "pipelines" / "prices" / "pipeline.json"
    pipeline.parent.mkdir(parents=True)
    pipeline.write_text("{}")
    file = tmp_path / FILE
    file.parent.mkdir()
    file.write_text("{}")
    assert price_file.root(tmp_path / "pipelines") == tmp_path
    file.unlink()
    (tmp_path / "stagewright.toml").write_text("")
    assert price_file.path_of(pipeline.parent, "us-east-1") == file


@pytest.fixture
def lists_served(repository, monkeypatch):
    """AWS's host, with lists by service. A missing one gets the answer of S3."""
    contents: dict[str, bytes] = {path.stem: path.read_bytes() for path in repository.folder.glob("A*.csv")}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            _, service, current, region, name = self.path.rsplit("/", 4)
            content = (
                contents.get(service)
                if (current, region, name) == ("current", "us-east-1", "index.csv")
                else None
            )
            self.send_response(200 if content else 403)
            self.send_header("Content-Length", str(len(content or b"") + contents.get("more", 0)))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        Thread(target=served.serve_forever, daemon=True).start()
        monkeypatch.setitem(price_download.HOSTS, "aws", f"http://127.0.0.1:{served.server_port}/offers")
        monkeypatch.chdir(repository.folder)
        yield contents
        served.shutdown()


def test_update_reads_the_lists_of_every_service(repository, lists_served, capsys):
    prices_update.command(region="us-east-1")
    written = prices(repository)
    assert written["lists"].keys() == {"AmazonSageMaker", *price_lists.OTHERS}
    assert written["date"] == f"{datetime.now(UTC):%Y-%m-%d}"
    assert written["units"]["glue DPU-hour"] == "0.44"


def test_service_without_a_list_is_left_out(repository, lists_served, capsys):
    del lists_served["AWSGlue"]
    lists_served["AmazonStates"] = b"nothing"
    prices_update.command(region="us-east-1")
    notes = capsys.readouterr().err
    assert "warning: no prices of AWSGlue: AWS has no price list at http" in notes
    assert "warning: no prices of AmazonStates: http" in notes
    assert prices(repository)["lists"].keys() == lists_served.keys() - {"AmazonStates"}


def test_unknown_region_is_refused(repository, lists_served):
    with pytest.raises(
        NotFoundError, match=r"AWS has no price list at .*/AmazonSageMaker/current/eu-nowhere-1"
    ) as caught:
        prices_update.command(region="eu-nowhere-1")
    assert caught.value.remedy == "check the region: stagewright prices update --region REGION"
    assert not (repository.folder / "prices").exists()


def test_list_that_is_cut_off_on_its_way_is_refused(repository, lists_served):
    lists_served["more"] = 7
    with pytest.raises(TargetError, match="cannot be downloaded"):
        prices_update.command(region="us-east-1")
    assert not (repository.folder / "prices").exists()


def test_lists_of_china_have_their_own_host():
    assert price_download.url_of("AmazonSageMaker", "cn-north-1") == (
        "https://pricing.cn-northwest-1.amazonaws.com.cn/offers/v1.0/cn/AmazonSageMaker/current/cn-north-1/index.csv"
    )


@pytest.fixture(scope="module")
def priced(tmp_path_factory):
    """A pipeline with prices has run once, on a server that is up."""
    command = tiny(tmp_path_factory.mktemp("priced"))
    lists = price_lists.write_all(command.folder)
    (command.folder / "AmazonSageMaker.csv").write_text(price_lists.price_list(rows=ROWS))
    assert command("prices", "update", *lists).returncode == 0
    server.up(command.state)
    try:
        done = command("run", ".")
        assert done.returncode == 0, done.stdout + done.stderr
        yield command
    finally:
        server.down(command.state)


@pytest.mark.slow
def test_plan_shows_the_most_that_each_stage_costs(priced):
    shown = priced.json("plan", ".", "-p", "factor=5")
    costs = {stage["name"]: stage["cost"] for stage in shown["stages"]}
    # 1 h of ml.m5.large with 30 GB: 0.36 + 30 * 0.144 / 720
    assert costs["fit"] == {"most": "0.3660", "hourly": "0.0000", "unpriced": []}
    assert costs["total"] == {"most": "0.0000", "hourly": "0.0000", "unpriced": []}  # reused
    assert costs["serve"]["hourly"] == "0.1150"
    assert shown["cost"]["currency"], shown["cost"]["prices_of"] == ("USD", "2026-11-27")
    text = priced("plan", ".", "-p", "factor=5").stdout
    assert "at most 0.3660 USD, then 0.1150 USD an hour (prices of 2026-11-27)" in text


@pytest.mark.slow
def test_run_records_what_it_used_and_cost(priced):
    run = priced.runs()[-1]
    shown = priced.json("show", run)
    used = {stage["name"]: stage["used"] for stage in shown["stages"]}
    seconds = used["fit"]["seconds"]["ml.m5.large"]
    assert seconds >= 1
    assert Decimal(used["fit"]["cost"]) == pytest.approx(
        seconds * Decimal("0.366") / 3600, abs=Decimal("1e-4")
    )
    assert used["serve"] == {"seconds": {}, "saved": 0, "cost": "0.0000", "unpriced": []}
    assert shown["cost"]["currency"] == "USD"
    assert shown["cost"]["prices_of"] == "2026-11-27"
    assert shown["cost"]["final"] is True
    assert Decimal(shown["cost"]["amount"]) == sum(Decimal(stage["cost"]) for stage in used.values())
    assert shown["cost"]["seconds"] == sum(sum(stage["seconds"].values()) for stage in used.values())
    (row,) = [record for record in priced.json("runs", "tiny") if record["run"] == run]
    assert row["cost"] == shown["cost"]
    assert f"{shown['cost']['amount']} USD" in priced("runs", "tiny").stdout
    text = priced("show", run).stdout
    assert f"{shown['cost']['amount']} USD (prices of 2026-11-27)" in text


@pytest.mark.slow
def test_reused_stages_cost_nothing(priced):
    again = priced.json("run", ".", "-p", "least=2")
    used = {stage["name"]: (stage["status"], stage["used"]["cost"]) for stage in again["stages"]}
    assert used["total"] == ("REUSED", "0.0000")
    assert used["fit"] == ("REUSED", "0.0000")
    assert again["cost"]["amount"] == "0.0000"


@pytest.mark.slow
def test_run_over_the_budget_is_refused_at_plan_time(priced):
    document = priced.folder / "pipeline.yaml"
    document.write_text(f"{DOCUMENT}budget: {{money: 0.3}}\n")
    try:
        code, text = failed(priced, "plan", ".", "-p", "factor=7")
        assert code == 3
        assert "budget.money: the run may cost 0.37; the budget is 0.3 (fit 1.00 h)" in text
        code, text = failed(priced, "run", ".", "-p", "factor=7")
        assert "the run may cost 0.37" in text
    finally:
        document.write_text(DOCUMENT)


@pytest.mark.slow
def test_broken_file_of_prices_stops_the_command_before_the_push(priced):
    file = priced.folder / FILE
    text = file.read_text()
    runs = priced.runs()
    file.write_text(text.replace('"USD"', '"dollars"'))
    try:
        for command in ("plan", "run", "push"):
            code, message = failed(priced, command, ".")
            assert code == 2
            assert f"{file}: currency: " in message
    finally:
        file.write_text(text)
    assert priced.runs() == runs


@pytest.mark.slow
def test_backfill_shows_the_most_that_all_periods_cost(priced):
    document = priced.folder / "pipeline.yaml"
    document.write_text(DOCUMENT.replace("name: tiny", 'name: tiny\npartition: "${trigger.date}"'))
    try:
        assert priced("push", ".").returncode == 0
        period = ("backfill", "tiny", "--from", "2026-01", "--to", "2026-03", "--dry-run")
        done = priced(*period)
    finally:
        document.write_text(DOCUMENT)
    assert done.returncode == 0, done.stderr
    # Each period: total 0.72 and fit 0.36, with 30 GB for an hour.
    assert done.stdout.splitlines()[-1] == "at most 3.28 USD for all periods"
