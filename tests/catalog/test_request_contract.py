from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import botocore
import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from stagewright.catalog import request_contract

GENERATOR = Path(__file__).parents[2] / "tools/generate_contract.py"


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("generate_contract", GENERATOR)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ONLY_THE_SERVICE_CHECKS = ("least", "most", "does not match", "values that AWS takes")


@cache
def operation_model(name):
    service = "glue" if name == "StartJobRun" else "sagemaker"
    return botocore.session.get_session().get_service_model(service).operation_model(name)


@pytest.fixture
def endpoint():
    return {"EndpointName": "house-price-local", "EndpointConfigName": "c-1"}


def test_contract_matches_the_installed_botocore(generator):
    recorded = dict(request_contract.contract())
    assert recorded.pop("generated") >= "2026"
    assert recorded == generator.contract()
    assert recorded["botocore"] == botocore.__version__


def test_unsupported_pattern_stops_the_generator(generator):
    with pytest.raises(ValueError, match="TRANSLATIONS"):
        generator.pattern(r"[\p{Lu}]+")


def problems(operation, request):
    return [str(problem) for problem in request_contract.check(operation, request)]


def test_valid_request_has_no_problems(endpoint):
    assert problems("CreateEndpoint", endpoint) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"EndpointNme": "x"},
            'CreateEndpoint.EndpointNme: AWS has no such field (did you mean "EndpointName"?)',
        ),
        ({"EndpointName": 3}, "CreateEndpoint.EndpointName: 3 is not a text"),
        (
            {"EndpointName": "a_b"},
            "CreateEndpoint.EndpointName: 'a_b' does not match [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
        ),
        (
            {"EndpointName": "a\n"},
            "CreateEndpoint.EndpointName: 'a\\n' does not match [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
        ),
        ({"Tags": [{"Key": "k"}]}, "CreateEndpoint.Tags[0].Value: is required"),
        ({"Tags": {}}, "CreateEndpoint.Tags: {} is not a list"),
        (
            {"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]},
            "CreateEndpoint.Tags: 51 items is more than the maximum, 50",
        ),
        (
            {"Tags": [{"Key": "a;b", "Value": ""}]},
            "CreateEndpoint.Tags[0].Key: 'a;b' does not match [\\w",
        ),
    ],
)
def test_planning_problem_has_path_and_message(endpoint, change, message):
    (problem,) = problems("CreateEndpoint", endpoint | change)
    assert problem.startswith(message)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"InstanceCount": 0}, "InstanceCount: 0 is less than the minimum, 1"),
        ({"InstanceCount": True}, "InstanceCount: True is not a whole number"),
        (
            {"InstanceCount": "<<a.metrics.n>>0"},
            "InstanceCount: <<a.metrics.n>>0 is not a whole number",
        ),
        (
            {"InstanceType": "ml.m5.xlrge"},
            """InstanceType: 'ml.m5.xlrge' is not a value that AWS accepts \
(did you mean "ml.m5.xlarge"?)""",
        ),
    ],
)
def test_value_outside_its_range_or_enumeration_is_rejected(config, message):
    resources = {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30} | config
    request = {
        "ProcessingJobName": "a",
        "RoleArn": "arn:aws:iam::123456789012:role/r",
        "AppSpecification": {"ImageUri": "i"},
        "ProcessingResources": {"ClusterConfig": resources},
    }
    prefix = "CreateProcessingJob.ProcessingResources.ClusterConfig."
    assert problems("CreateProcessingJob", request) == [prefix + message]


@pytest.mark.parametrize("text", ["überwachung 1", "日本", "a:b/c=d+e-f@g", "\u3000"])
def test_translated_patterns_accept_every_script(endpoint, text):
    assert problems("CreateEndpoint", endpoint | {"Tags": [{"Key": text, "Value": text}]}) == []


def test_format_of_tokens_is_not_checked(endpoint):
    assert problems("CreateEndpoint", endpoint | {"EndpointName": "<<register.package>>"}) == []
    assert problems("CreateEndpoint", endpoint | {"EndpointName": "a/<<x.job>>"}) == []
    assert problems("CreateEndpoint", endpoint | {"Tags": "<<a.b>> x"}) != []
    assert problems("CreateEndpoint", endpoint | {"EndpointName": "<<x.metrics.r2>>"}) == [
        "CreateEndpoint.EndpointName: <<x.metrics.r2>> is not a text"
    ]
    assert problems("CreateEndpoint", endpoint | {"EndpointName": "e<<x.metrics.r2>>"}) == []


def test_unknown_operation_raises():
    with pytest.raises(KeyError, match="DeleteEverything"):
        request_contract.check("DeleteEverything", {})


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(0, 2)
    | st.sampled_from(["", "a", "File", "s3://b/k"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["Key", "Value", "S3Uri"]), inner)
    ),
    max_leaves=4,
)


@given(data=st.data())
def test_types_and_required_members_agree_with_botocore(data):
    operation = data.draw(st.sampled_from(sorted(request_contract.contract()["operations"])))
    shape = operation_model(operation).input_shape
    names = data.draw(st.lists(st.sampled_from(sorted(shape.members)), max_size=4, unique=True))
    request = {name: data.draw(values) for name in [*names, *shape.required_members]}
    if data.draw(st.booleans()):
        request.pop(next(iter(request), ""), None)
    ours = problems(operation, request)
    if ParamValidator().validate(request, shape).has_errors():
        assert ours != []
    assert ParamValidator().validate(request, shape).has_errors() or all(
        any(word in message for word in ONLY_THE_SERVICE_CHECKS) for message in ours
    )
