"""The steps that create nothing: on a local server, and with requests and answers that botocore checks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace

import pytest
from botocore.exceptions import NoCredentialsError
from botocore.stub import ANY, Stubber
from tools import aws_smoke, smoke_plan
from tools.aws_facts import before, policies, recordings, report
from tools.aws_facts.sample_events import samples
from tools.aws_facts.step import Target, Verdict, judged, try_step

from stagewright.api.source import Source
from stagewright.catalog.prices import Prices
from stagewright.naming import Installation
from stagewright.operator_gateway import OperatorGateway
from stagewright.planner.quotas import peaks

HERE = Installation("some-bucket", "us-east-1", "000000000000", "smoke")
STEPS = {step.id: step for step in before.STEPS}
SOURCES = [
    Source.read(aws_smoke.ROOT / "tools/smoke" / name / "pipeline.yaml") for name in aws_smoke.DOCUMENTS
]


@pytest.fixture(scope="module")
def local(connected: OperatorGateway) -> Target:
    return Target(replace(connected, installation=HERE), is_local=True)


@pytest.fixture
def target() -> Iterator[Target]:
    """Clients that reach nothing: every request must be stubbed."""
    gateway = OperatorGateway.connect(HERE, None, "key", "secret")
    plans = [smoke_plan.planned(source, HERE.region) for source in SOURCES]
    yield Target(gateway, plans)
    gateway.close()


@contextmanager
def stubbed(target: Target, service: str) -> Iterator[Stubber]:
    with Stubber(target.client(service)) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("name", ["A1", "A2", "A5", "F15", "F29", "F79"])
def test_step_is_confirmed_by_the_local_target(local, name):
    verdict = try_step(STEPS[name], local)
    assert (verdict.outcome, verdict.details) == ("confirmed", ())


@pytest.mark.parametrize("name", ["A3", "A4", "F34", "F73", "F112", "F113"])
def test_step_names_what_the_local_target_lacks(local, name):
    verdict = try_step(STEPS[name], local)
    assert verdict.outcome == "not tried"
    assert "local target" in verdict.details[0]


def test_sample_events_match_every_rule_and_none(local, monkeypatch):
    expected = [matching for _, _, matching in before.samples(HERE)]
    assert set().union(*expected) == {"release", "data", "model-approval", "manual", "run-status"}
    assert expected.count(set()) > 5
    monkeypatch.setattr(before, "samples", lambda _: [("an event", next(samples(HERE))[1], {"data"})])
    verdict = try_step(STEPS["A5"], local)
    assert verdict.outcome == "differs"
    assert verdict.details == ("an event: the rule data does not match",)


def test_definition_is_sent_without_placeholders_and_its_errors_differ(target):
    problem = {
        "severity": "ERROR",
        "code": "SCHEMA_VALIDATION_FAILED",
        "message": "no",
        "location": "/States/X",
    }
    warning = {"severity": "WARNING", "code": "PASS_RESULT_IS_STATIC", "message": "well"}
    with stubbed(target, "stepfunctions") as states:
        request = {"definition": ANY, "type": "STANDARD"}
        answer = {"result": "FAIL", "diagnostics": [problem, warning], "truncated": False}
        states.add_response("validate_state_machine_definition", answer, request)
        verdict = try_step(STEPS["F15"], target)
        assert verdict.details == ("/States/X SCHEMA_VALIDATION_FAILED: no",)
        states.add_response(
            "validate_state_machine_definition", {"result": "OK", "diagnostics": [warning]}, request
        )
        assert try_step(STEPS["F15"], target).outcome == "confirmed"
    definition = json.loads(before.rendered.definition(HERE))
    assert definition["StartAt"]
    assert not re.search(r"\$\{\w+\}", before.rendered.definition(HERE))


def test_every_policy_and_trust_is_sent_to_access_analyzer(target):
    documents = dict(policies.documents(target))
    roles = before.rendered.parts(HERE)["roles"]
    assert {f"role {key}" for key in roles} | {f"trust of {key}" for key in roles} <= documents.keys()
    assert {"bucket", "queues events", "people viewer", "CI apply iam", "CI boundary"} <= documents.keys()
    fine = {"findingType": "SUGGESTION", "issueCode": "EMPTY_ARRAY_ACTION"}
    wrong = {"findingType": "ERROR", "issueCode": "INVALID_ACTION"}
    more = {"findingDetails": "details", "learnMoreLink": "link", "locations": []}
    with stubbed(target, "accessanalyzer") as analyzer:
        for number, request in enumerate(documents.values()):
            found = [fine | more, wrong | more] if number == 1 else []
            analyzer.add_response("validate_policy", {"findings": found}, request)
        verdict = try_step(STEPS["F73"], target)
    assert verdict.details == (f"{list(documents)[1]}: INVALID_ACTION: details",)


@pytest.mark.parametrize(
    ("message", "action"),
    [
        (
            "User: user/jane is not authorized to perform: access-analyzer:ValidatePolicy on: *",
            "access-analyzer:ValidatePolicy",
        ),
        ("user/jane may not", "ValidatePolicy"),
    ],
)
def test_denied_step_names_its_remedy_and_the_others_continue(target, message, action):
    with ExitStack() as stubs:
        analyzer, lambda_quota = (
            stubs.enter_context(stubbed(target, name)) for name in ("accessanalyzer", "service-quotas")
        )
        analyzer.add_client_error("validate_policy", "AccessDeniedException", message, 403)
        lambda_quota.add_response("get_service_quota", {"Quota": {"Value": 1000.0}})
        verdicts = list(report.tried([STEPS["F73"], STEPS["A4"]], target))
    assert [verdict.outcome for verdict in verdicts] == ["not tried", "confirmed"]
    assert verdicts[0].details == (f"{action} is denied; allow your credentials this action, and repeat",)


def test_rejection_that_is_not_a_permission_differs(target):
    with stubbed(target, "stepfunctions") as states:
        states.add_client_error("validate_state_machine_definition", "ValidationException", "too long", 400)
        verdict = try_step(STEPS["F15"], target)
    assert verdict.outcome == "differs"
    assert verdict.details == ("ValidateStateMachineDefinition: ValidationException: too long",)


def test_answer_that_lacks_a_field_differs_and_the_others_continue(target):
    lacking = replace(STEPS["A1"], observe=lambda _: {}["Arn"])
    with stubbed(target, "service-quotas") as quotas:
        quotas.add_response("get_service_quota", {"Quota": {"Value": 1000.0}})
        verdicts = list(report.tried([lacking, STEPS["A4"]], target))
    assert [verdict.outcome for verdict in verdicts] == ["differs", "confirmed"]
    assert verdicts[0].details == ("the answer has another shape: KeyError 'Arn'",)


@pytest.mark.parametrize("code", ["ExpiredToken", "UnrecognizedClientException"])
def test_credentials_that_have_expired_are_no_difference(target, code):
    with stubbed(target, "sts") as sts:
        sts.add_client_error("get_caller_identity", code, "expired", 403)
        verdict = try_step(STEPS["A1"], target)
    assert (verdict.outcome, "log in again" in verdict.details[0]) == ("not tried", True)


def test_credentials_of_another_account_differ(target):
    answer = {"Account": "210987654321", "Arn": "arn:aws:iam::210987654321:user/jane", "UserId": "AIDA"}
    with stubbed(target, "sts") as sts:
        sts.add_response("get_caller_identity", answer)
        verdict = try_step(STEPS["A1"], target)
    assert verdict.details == ("the credentials are of another account",)
    assert "jane" not in json.dumps(verdict.answer)


@pytest.mark.parametrize(
    ("applied", "expected"),
    [
        ({}, ()),
        (
            {"ml.m5.large for training job usage": 1.0},
            ('the plan uses 2 at once; the account\'s quota "ml.m5.large for training job usage" is 1',),
        ),
        (None, ("there is no quota named ml.m5.large for training job usage",)),
    ],
)
def test_quotas_of_the_instances_of_the_smoke_pipelines_are_compared(target, applied, expected):
    names = sorted({name for plan in target.plans for name in peaks(plan) if name.startswith("ml.")})
    assert "ml.m5.large for training job usage" in names
    defaults = dict.fromkeys(names, 8.0)
    if applied is None:
        del defaults["ml.m5.large for training job usage"]
    with stubbed(target, "service-quotas") as quotas:
        for operation, values in (("default", defaults), ("own", applied or {})):
            method = "list_aws_default_service_quotas" if operation == "default" else "list_service_quotas"
            listed = [{"QuotaName": name, "Value": value} for name, value in values.items()]
            quotas.add_response(method, {"Quotas": listed}, {"ServiceCode": "sagemaker"})
        verdict = try_step(STEPS["A3"], target)
    assert len(verdict.details) == len(expected)
    assert all(part in detail for part, detail in zip(expected, verdict.details, strict=True))


@pytest.mark.parametrize(("value", "outcome"), [(1000.0, "confirmed"), (10.0, "confirmed"), (9.0, "differs")])
def test_quota_of_concurrent_functions_is_read_by_its_code(target, value, outcome):
    with stubbed(target, "service-quotas") as quotas:
        request = {"ServiceCode": "lambda", "QuotaCode": "L-B99A9384"}
        quotas.add_response("get_service_quota", {"Quota": {"Value": value}}, request)
        assert try_step(STEPS["A4"], target).outcome == outcome


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("1 validation error detected: Value 'smoke-' failed to satisfy constraint", "confirmed"),
        ("Requested resource not found.", "differs"),
    ],
)
def test_rejection_with_other_words_differs(target, message, outcome):
    with stubbed(target, "sagemaker") as sagemaker:
        request = {"TrainingJobName": "smoke-"}
        sagemaker.add_client_error(
            "describe_training_job", "ValidationException", message, 400, expected_params=request
        )
        assert try_step(STEPS["F65"], target).outcome == outcome


@pytest.mark.parametrize(
    ("name", "answer", "outcome"),
    [
        ("F34", {"status": "SUCCEEDED", "output": '"0.3"'}, "confirmed"),
        ("F34", {"status": "SUCCEEDED", "output": '"0.30000000000000004"'}, "differs"),
        ("F29", {"status": "SUCCEEDED", "output": "{}"}, "differs"),
        ("F29", {"status": "FAILED", "error": "States.Runtime", "cause": "D3137: stop"}, "differs"),
        ("F112", {"status": "FAILED", "error": "States.QueryEvaluationError", "cause": "no"}, "differs"),
        ("F113", {"status": "SUCCEEDED", "output": '"Infinity"'}, "confirmed"),
    ],
)
def test_state_is_tried_by_itself(target, name, answer, outcome):
    with stubbed(target, "stepfunctions") as states:
        states.add_response("test_state", answer, {"definition": ANY, "input": "{}"})
        assert try_step(STEPS[name], target).outcome == outcome


def test_answers_are_recorded_and_judged_again(target, tmp_path):
    with stubbed(target, "stepfunctions") as states:
        answer = {"result": "OK", "diagnostics": []}
        states.add_response("validate_state_machine_definition", answer)
        verdict = try_step(STEPS["F15"], target)
    untried = replace(verdict, id="F29", outcome="not tried")
    assert [path.name for path in recordings.write([verdict, untried], tmp_path)] == ["F15.json"]
    assert [item.outcome for item in recordings.judge(before.STEPS, tmp_path)] == ["confirmed"]
    path = tmp_path / "F15.json"
    path.write_text(path.read_text().replace('"OK"', '"FAIL"'))
    assert [item.details for item in recordings.judge(before.STEPS, tmp_path)] == [("the result is FAIL",)]
    path.write_text('{"answer": ["another shape"]}')
    assert "another shape" in next(recordings.judge(before.STEPS, tmp_path)).details[0]


@pytest.mark.parametrize("step", report.STEPS, ids=lambda step: step.id)
def test_no_judgment_fails_on_an_answer_of_another_shape(step):
    for answer in (None, [], {}, "text", 7):
        assert judged(step, answer).outcome in ("confirmed", "differs")


def test_missing_credentials_are_one_message(monkeypatch, capsys):
    def fail(*_: object, **__: object) -> Callable[..., object]:
        raise NoCredentialsError

    monkeypatch.setattr("boto3.Session.client", fail)
    assert aws_smoke.main(["--bucket", "b", "--check"]) == 2
    output = capsys.readouterr()
    assert "Unable to locate credentials; next: log in" in output.err
    assert output.out == ""


@pytest.fixture
def _installed_programs(monkeypatch):
    monkeypatch.setattr(aws_smoke.shutil, "which", lambda _: "terraform")


@pytest.fixture
def connected_to_nothing(monkeypatch, target):
    """The smoke test on AWS without its steps before, and with clients that reach nothing."""
    session = aws_smoke.Session(target.gateway, "aws")
    monkeypatch.setattr(aws_smoke, "on_aws", lambda _: nullcontext(session))
    monkeypatch.setattr(aws_smoke.before, "STEPS", ())


@pytest.fixture
def prices(monkeypatch, tmp_path):
    """A repository with these prices; `prices(...)` writes them."""
    monkeypatch.setattr(smoke_plan, "ROOT", tmp_path)

    def write(instances, units):
        found = Prices(
            region=HERE.region, currency="USD", date="2026-11-30", instances=instances, units=units
        )
        path = tmp_path / "prices" / f"{HERE.region}.json"
        path.parent.mkdir()
        path.write_text(found.to_text())

    return write


PURPOSES = ("processing job", "training job", "transform job", "endpoint")


@pytest.mark.usefixtures("_installed_programs", "connected_to_nothing")
def test_smoke_prints_the_cost_limit_before_it_asks(capsys, monkeypatch, prices):
    prices({"ml.m5.large": dict.fromkeys(PURPOSES, "0.1")}, {"glue DPU-hour": "0.44"})
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert aws_smoke.main(["--bucket", "b"]) == 2
    output = capsys.readouterr().out
    assert "the bucket b" in output
    # Processing, training, a failing training: a quarter of an hour each; tuning two of them; transform and
    # endpoint, which have no limit of their own, an hour and two.
    assert "At most 4.25 hours of ml.m5.large" in output
    assert "Its instances cost at most 0.43 USD; " in output
    assert "nothing was created" in output
    assert re.search(r"^F22 +not tried +StartExecution rejects a used name$", output, re.MULTILINE)


@pytest.mark.usefixtures("_installed_programs", "connected_to_nothing")
def test_smoke_without_prices_names_the_command_that_reads_them(capsys, monkeypatch, prices):
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert aws_smoke.main(["--bucket", "b"]) == 2
    output = capsys.readouterr().out
    assert "The cost is not known: no price for glue.pythonshell-small, ml.m5.large; next: " in output
    assert "stagewright prices update --region us-east-1 --all-types" in output


@pytest.mark.usefixtures("_installed_programs", "connected_to_nothing")
def test_smoke_without_prices_is_not_agreed_to_beforehand(capsys, prices):
    assert aws_smoke.main(["--bucket", "b", "--yes"]) == 2
    assert "--yes needs prices" in capsys.readouterr().out


@pytest.mark.usefixtures("connected_to_nothing")
@pytest.mark.parametrize(("outcome", "code"), [("confirmed", 0), ("differs", 1), ("not tried", 0)])
def test_check_creates_nothing_and_needs_no_terraform(capsys, monkeypatch, outcome, code, tmp_path):
    monkeypatch.setattr(aws_smoke.shutil, "which", lambda _: None)
    verdict = Verdict("F15", "a fact", outcome, (), {"result": "OK", "diagnostics": []})
    monkeypatch.setattr(aws_smoke.report, "tried", lambda *_: iter([verdict]))
    assert aws_smoke.main(["--bucket", "b", "--check", "--record", str(tmp_path)]) == code
    assert f"F15  {outcome:10} a fact" in capsys.readouterr().out
    assert (tmp_path / "F15.json").exists() == (outcome != "not tried")


@pytest.mark.usefixtures("_installed_programs")
@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_smoke_destroys_after_a_failure_and_after_ctrl_c(failure, monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(aws_smoke, "WORK", tmp_path / "work")
    monkeypatch.setattr(aws_smoke, "terraform", lambda *arguments: calls.append(arguments[0]))
    options = aws_smoke.parsed(["--bucket", "b"])
    with pytest.raises(failure), aws_smoke.applied(options):
        raise failure
    assert calls == ["init", "apply", "destroy"]
    assert not (tmp_path / "work").exists()


def test_smoke_starts_nothing_without_terraform(monkeypatch, capsys):
    monkeypatch.setattr(aws_smoke.shutil, "which", lambda _: None)
    with pytest.raises(SystemExit):
        aws_smoke.main(["--bucket", "b", "--yes"])
    assert "terraform is not on PATH" in capsys.readouterr().err
