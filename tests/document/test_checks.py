from __future__ import annotations

import pytest

from stagewright.document.dependencies import dependencies
from stagewright.document.load import load
from stagewright.errors import DocumentError

PREPARE, TRAIN, DEPLOY = "stages.prepare.", "stages.train.", "stages.deploy."
MANY = "x" * 3_000


def gate(require):
    return {"stages.quality.require": require}


def update(count=1, **fields):
    return {"stages.deploy.update": fields, "stages.deploy.instance_count": count}


def alarm(**fields):
    return {"stages.deploy.alarms": {"slow": {"metric": "ModelLatency", "threshold": 1, **fields}}}


PROBLEMS = [
    # endpoints
    (update(size=10), "stages.deploy.update.size", "all-at-once update has no parts", "leave it out"),
    (update(type="canary"), "stages.deploy.update", "needs one size for its parts", "either size"),
    (
        update(2, type="linear", size=10, instances=1),
        "stages.deploy.update",
        "needs one size for its parts",
        "either size",
    ),
    (update(2, type="linear", size=9), "stages.deploy.update.size", "below the minimum of AWS, 10 %", ""),
    (
        update(3, type="canary", instances=2),
        "stages.deploy.update.instances",
        "a part of 2 of 3 instances is more than half",
        "instance_count",
    ),
    *(
        (
            update(1, type=kind, **size),
            f"stages.deploy.update.{next(iter(size))}",
            "a part of 1 of 1 instances is more than half",
            "increase instance_count, or update all at once",
        )
        for kind in ("canary", "linear")
        for size in ({"size": 10}, {"size": 50}, {"instances": 1})
    ),
    (
        update(2, type="canary", size=10, wait="61m"),
        "stages.deploy.update.wait",
        "61m is longer than the maximum of AWS, 1h",
        "",
    ),
    (update(bake="2h"), "stages.deploy.update.bake", "2h is longer than the maximum of AWS, 1h", ""),
    (
        update(2, type="linear", size=10, wait="55m"),
        "stages.deploy.update",
        "add up to more than the maximum of AWS, 8h",
        "reduce wait, bake or the number of parts",
    ),
    (
        alarm(period="90s"),
        "stages.deploy.alarms.slow.period",
        "90s is not a whole number of minutes",
        "once a minute",
    ),
    (alarm(period="1h", evaluate=25), "stages.deploy.alarms.slow", "more than one day", "reduce period"),
    (
        {"stages.deploy.smoke_test": {}},
        "stages.deploy.smoke_test",
        "no request body, or two",
        "either body or file",
    ),
    (
        {"stages.deploy.smoke_test": {"body": "1", "file": "s3://bucket/one.csv"}},
        "stages.deploy.smoke_test",
        "no request body, or two",
        "either body or file",
    ),
    (
        {"stages.deploy.smoke_test": {"file": "one.csv"}},
        "stages.deploy.smoke_test.file",
        "'one.csv' is not an S3 URI",
        "s3://<bucket>/<key>",
    ),
    # references that do not exist
    (
        {TRAIN + "channels.train": "${stages.prepar.outputs.train}"},
        "stages.train.channels.train",
        "no such stage",
        '"prepare"',
    ),
    (
        {TRAIN + "channels.train": "${stages.prepare.outputs.trian}"},
        "stages.train.channels.train",
        "no output 'trian'",
        '"train"',
    ),
    (
        {TRAIN + "channels.train": "${stages.prepare.output.train}"},
        "stages.train.channels.train",
        "has no output",
        '"outputs"',
    ),
    (
        {TRAIN + "channels.train": "${stages.prepare.outputs}"},
        "stages.train.channels.train",
        "names none of the outputs",
        "train",
    ),
    (
        {TRAIN + "channels.train": "${stages.prepare}"},
        "stages.train.channels.train",
        "no value of its own",
        "job",
    ),
    (
        {DEPLOY + "environment.X": "${stages.quality.model}"},
        "stages.deploy.environment.X",
        "quality is a gate stage",
        "no results",
    ),
    (
        {DEPLOY + "model": "${stages.register.model}"},
        "stages.deploy.model",
        "is a register stage and has no model",
        "package",
    ),
    (
        {TRAIN + "channels.train": "${buckets}"},
        "stages.train.channels.train",
        "${buckets} is unknown",
        '"bucket"',
    ),
    ({TRAIN + "channels.train": "s3://${}/x"}, "stages.train.channels.train", "${} is unknown", "known: "),
    (
        {TRAIN + "hyperparameters.a": "${parameters.min_r}"},
        "stages.train.hyperparameters.a",
        "no such parameter",
        '"min_r2"',
    ),
    (
        {TRAIN + "hyperparameters.a": "${run.id"},
        "stages.train.hyperparameters.a",
        "${ has no closing }",
        "$${",
    ),
    (
        {TRAIN + "hyperparameters.a": "${run.id.x}"},
        "stages.train.hyperparameters.a",
        "is unknown",
        '"run.id"',
    ),
    (gate("${stages.train.metrics.mea} < 1"), "stages.quality.require", "no metric 'mea'", '"mae"'),
    (
        gate("${stages.prepare.metrics.r2} < 1"),
        "stages.quality.require",
        "no metric 'r2'",
        "declare metrics_file",
    ),
    (
        gate("${stages.train.model.x} < 1"),
        "stages.quality.require",
        "has too many parts",
        "${stages.train.model}",
    ),
    # references in the wrong place
    (
        {TRAIN + "channels.train": "${stages.train.model}"},
        "stages.train.channels.train",
        "cannot refer to itself",
        "",
    ),
    (
        {"stages.register.model": "${stages.evaluate.metrics.r2}"},
        "stages.register.model",
        "accepts an S3 URI or a text, not",
        "",
    ),
    (
        {TRAIN + "channels.train": "${run.id}"},
        "stages.train.channels.train",
        "is not an S3 URI",
        "s3://<bucket>/<key>",
    ),
    (
        {TRAIN + "channels.train": "s3://b/${stages.prepare.outputs.train}"},
        "stages.train.channels.train",
        "is not an S3 URI",
        "",
    ),
    (
        {TRAIN + "instance_count": "${stages.prepare.outputs.train}"},
        "stages.train.instance_count",
        "accepts a number, not ${stages.prepare.outputs.train}, which is an S3 URI",
        "",
    ),
    (
        {TRAIN + "instance_count": "${stages.prepare.job}"},
        "stages.train.instance_count",
        "known only during the run",
        "parameter",
    ),
    ({TRAIN + "instance_count": "${parameters.fast}"}, "stages.train.instance_count", "accepts a number", ""),
    (
        {TRAIN + "instance_count": "${parameters.min_r2}"},
        "stages.train.instance_count",
        "is 0.88, but instance_count must be a valid integer",
        "",
    ),
    (
        {TRAIN + "volume_size_gb": "${parameters.disk}", "parameters.disk": 20_000},
        "stages.train.volume_size_gb",
        "less than or equal to 16384",
        "",
    ),
    ({TRAIN + "image": "${stages.prepare.job}"}, "stages.train.image", "known only during the run", ""),
    (
        {
            TRAIN + "hyperparameters.a": "${stages.evaluate.metrics.r2}",
            "stages.evaluate.inputs.model": "s3://b1b/x",
        },
        "stages.train.hyperparameters.a",
        "accepts text",
        "value=${",
    ),
    (
        {TRAIN + "entry_point": "${run.id}.py"},
        "stages.train.entry_point",
        "entry_point accepts no references",
        "",
    ),
    (
        {"defaults.environment.X": "${stages.prepare.outputs.train}"},
        "defaults.environment.X",
        "cannot be used in defaults",
        "it may begin with",
    ),
    ({"partition": "${run.id}"}, "partition", "cannot be used in partition", "parameters, trigger"),
    ({"partition": "a b"}, "partition", "'a b' is not a partition", "without spaces"),
    ({"parameters.a": "${parameters.min_r2}"}, "parameters.a", "cannot be used in parameters", ""),
    ({"parameters.a": "${stages.train.model}"}, "parameters.a", "cannot be used in parameters", ""),
    (
        {DEPLOY + "model": "${stages.train.metrics.mae}"},
        "stages.deploy.model",
        "accepts a model package or an S3 URI",
        "",
    ),
    (
        {
            "stages.register.model": "${stages.deploy.endpoint}",
            DEPLOY + "model": "s3://bbb/m",
            DEPLOY + "image": "x",
        },
        "stages.register.model",
        "is not an S3 URI",
        "",
    ),
    # literals
    ({TRAIN + "channels.train": "S3://Bucket/key"}, "stages.train.channels.train", "is not an S3 URI", ""),
    ({TRAIN + "channels.train": "s3://b/"}, "stages.train.channels.train", "is not an S3 URI", ""),
    ({TRAIN + "channels.train": "data/train"}, "stages.train.channels.train", "is not an S3 URI", ""),
    ({TRAIN + "channels.train": "s3://bucket//key"}, "stages.train.channels.train", "is not an S3 URI", ""),
    ({TRAIN + "channels.train": "s3://bucket/" + MANY}, "stages.train.channels.train", "at most 1024", ""),
    (
        {PREPARE + "outputs": {"train": "out", "test": "s3://bucket/x"}},
        "stages.prepare.outputs.train",
        "is not an S3 URI",
        "",
    ),
    (
        {DEPLOY + "model": "arn:aws:sagemaker:eu-west-1:123:model/x"},
        "stages.deploy.model",
        "not an S3 URI, model package ARN",
        "",
    ),
    (
        {DEPLOY + "instance_type": "m5.large"},
        "stages.deploy.instance_type",
        "is not a SageMaker instance type",
        "ml.m5.xlarge",
    ),
    ({"defaults.instance_type": "large"}, "defaults.instance_type", "is not a SageMaker instance type", ""),
    ({"code": "../code"}, "code", "is not a path inside the folder", ""),
    ({"sample_data.raw/": "/etc"}, "sample_data.raw/", "is not a path inside the folder", ""),
    ({"sample_data": {"s3://b/raw": "data"}}, "sample_data.s3://b/raw", "not a prefix in the bucket", ""),
    # gates
    (
        gate("r2 > 1"),
        "stages.quality.require",
        "expected a reference, a number or a text in quotes",
        "such as",
    ),
    (gate("${run.id}"), "stages.quality.require", "expected a comparison", ""),
    (gate("1 > 2 > 3"), "stages.quality.require", "found a comparison", ""),
    (gate("1 => 2"), "stages.quality.require", "an operator (>= < <= > == !=", "such as"),
    (
        gate(["1 < 2", "x"]),
        "stages.quality.require[1]",
        "expected a reference, a number or a text in quotes",
        "",
    ),
    (
        gate("${stages.evaluate.metrics.r2} > 'high'"),
        "stages.quality.require",
        "compares a number with a text",
        "",
    ),
    (gate("${trigger.type} > 'code'"), "stages.quality.require", "orders texts", "== or !="),
    (gate("${parameters.fast} == 1"), "stages.quality.require", "true or false, but gates compare", ""),
    ({"stages.quality.request": {"a": 1}}, "stages.quality.request", "make no SageMaker request", ""),
    # what one stage needs
    ({PREPARE + "code": "(gone)"}, "stages.prepare", "nothing to run", "entrypoint"),
    ({PREPARE + "entrypoint": ["run"]}, "stages.prepare.entrypoint", "both code and entrypoint", ""),
    ({PREPARE + "code": "prepare.R"}, "stages.prepare.code", "neither .py nor .sh", ""),
    ({PREPARE + "code": "/prepare.py"}, "stages.prepare.code", "is not a path inside the folder", ""),
    ({PREPARE + "include": ["../x"]}, "stages.prepare.include[0]", "is not a path inside the folder", ""),
    (
        {PREPARE + "code": "(gone)", PREPARE + "entrypoint": ["run"], PREPARE + "include": ["x"]},
        "stages.prepare.include",
        "there is no script",
        "",
    ),
    ({PREPARE + "inputs.code": "s3://bucket/x"}, "stages.prepare.inputs.code", "is reserved", ""),
    ({PREPARE + "outputs": ["code", "train", "test"]}, "stages.prepare.outputs", "is reserved", ""),
    (
        {PREPARE + "outputs": ["train", "test", "test"]},
        "stages.prepare.outputs",
        "test is listed more than once",
        "",
    ),
    (
        {PREPARE + "metrics_file": "report.json"},
        "stages.prepare.metrics_file",
        "is not <output>/<file>.json",
        "",
    ),
    (
        {PREPARE + "metrics_file": "test/m.json", PREPARE + "metrics": {"mse": "$.mse.value"}},
        "stages.prepare.metrics.mse",
        "'$.mse.value' is not a path of a value in a JSON file",
        "regression_metrics.mse.value",
    ),
    (
        {PREPARE + "metrics": {"mse": "mse.value"}},
        "stages.prepare.metrics",
        "there is no metrics_file",
        "set metrics_file",
    ),
    ({PREPARE + "metrics_file": "tset/m.json"}, "stages.prepare.metrics_file", "no output 'tset'", '"test"'),
    ({TRAIN + "entry_point": "(gone)"}, "stages.train", "no entry_point, but sklearn-1.4 needs one", ""),
    (
        {
            "defaults.instance_type": "(gone)",
            PREPARE + "instance_type": "ml.m5.large",
            "stages.evaluate.instance_type": "ml.m5.large",
            DEPLOY + "instance_type": "ml.m5.large",
        },
        "stages.train",
        "no instance_type",
        "stages.train.instance_type or defaults.instance_type",
    ),
    ({DEPLOY + "image": "sklearn-1.4"}, "stages.deploy.image", "a model package already includes it", ""),
    (
        {TRAIN + "metrics.r2": "R2: [0-9.]+"},
        "stages.train.metrics.r2",
        "0 groups, but needs exactly one",
        "( )",
    ),
    (
        {TRAIN + "metrics.r2": "(a{99999999999})"},
        "stages.train.metrics.r2",
        "is not a regular expression",
        "",
    ),
    ({TRAIN + "metrics.r2": "R2: ([0-9.]+"}, "stages.train.metrics.r2", "is not a regular expression", ""),
    ({TRAIN + "after": ["train"]}, "stages.train.after[0]", "cannot run after itself", ""),
    ({TRAIN + "after": ["prepar"]}, "stages.train.after[0]", "no such stage: prepar", '"prepare"'),
    (
        {"stages.register.instance_types": ["ml.m5.large", "m5"]},
        "stages.register.instance_types[1]",
        "is not a SageMaker instance type",
        "",
    ),
    (
        {"defaults.image": "(gone)", "stages.train.image": "a/b:1", PREPARE + "image": "a/b:1"},
        "stages.evaluate",
        "no image",
        "stages.evaluate.image or defaults.image",
    ),
    (
        {
            "defaults.image": "(gone)",
            **{f"stages.{name}.image": "a/b:1" for name in ("prepare", "train", "evaluate")},
            "stages.register.model": "s3://bucket/model.tar.gz",
        },
        "stages.register",
        "no image",
        "stages.register.image or defaults.image",
    ),
    # limits
    ({"stages.train.image": "r/" + "x" * 260}, "stages.train.image", "at most 255", ""),
    (
        {TRAIN + "hyperparameters": {f"h{i}": i for i in range(96)}},
        "stages.train.hyperparameters",
        "96 hyperparameters, but AWS accepts at most 95",
        "",
    ),
    ({TRAIN + "hyperparameters.long": MANY}, "stages.train.hyperparameters.long", "at most 2500", ""),
    (
        {TRAIN + "environment": {f"E{i}": "x" for i in range(100)}},
        "stages.train.environment",
        "101 environment variables",
        "",
    ),
    ({TRAIN + "environment.a-b": "x"}, "stages.train.environment.a-b", "not a valid variable name", ""),
    ({PREPARE + "environment.A": "x" * 257}, "stages.prepare.environment.A", "at most 256", ""),
    ({"defaults.environment.A": "x" * 257}, "defaults.environment.A", "at most 256", ""),
    (
        {PREPARE + "inputs": {f"i{i}": "s3://bucket/x" for i in range(10)}},
        "stages.prepare.inputs",
        "10 inputs (the script uses one of ten)",
        "",
    ),
    (
        {PREPARE + "outputs": ["train", "test", *(f"o{i}" for i in range(9))]},
        "stages.prepare.outputs",
        "11 outputs",
        "",
    ),
    ({PREPARE + "arguments": ["x"] * 101}, "stages.prepare.arguments", "101 arguments", ""),
    ({PREPARE + "arguments": ["x" * 257]}, "stages.prepare.arguments[0]", "at most 256", ""),
    (
        {TRAIN + "channels": {f"c{i}": "s3://bucket/x" for i in range(21)}},
        "stages.train.channels",
        "21 channels",
        "",
    ),
    ({TRAIN + "metrics": {f"m{i}": "(.)" for i in range(41)}}, "stages.train.metrics", "41 metrics", ""),
    ({"defaults.tags": {f"t{i}": "x" for i in range(47)}}, "defaults.tags", "47 tags", ""),
    ({"defaults.tags.aws:x": "y"}, "defaults.tags.aws:x", "reserved", ""),
]


@pytest.mark.parametrize(
    ("changes", "path", "message", "remedy"), PROBLEMS, ids=[f"{case[1]}-{case[2]}" for case in PROBLEMS]
)
def test_broken_rule_is_one_problem_with_path_and_remedy(house, changes, path, message, remedy):
    with pytest.raises(DocumentError) as caught:
        load(house(changes))

    reported = caught.value.problems
    assert [problem.path for problem in reported] == [path], reported
    assert message in reported[0].message
    assert remedy in reported[0].remedy


RIGHT = [
    {TRAIN + "metrics.r2": "R2: ([[a]+)"},
    {TRAIN + "hyperparameters.where": "${stages.prepare.outputs.train}/part"},
    {TRAIN + "hyperparameters.text": "$${literal}"},
    {TRAIN + "hyperparameters.size": "${parameters.size}"},
    {"stages.evaluate.arguments": ["--mae=${stages.train.metrics.mae}", "${stages.train.job}"]},
    {TRAIN + "entry_point": "(gone)", TRAIN + "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1"},
    {TRAIN + "entry_point": "(gone)", TRAIN + "image": "${account}.dkr.ecr.${region}.amazonaws.com/own:1"},
    {TRAIN + "request": {"VpcConfig": {"Subnets": ["${environment}"]}}},
    {TRAIN + "channels.train": "${parameters.place}", "parameters.place": "s3://${bucket}/raw/"},
    {PREPARE + "outputs": {"train": "s3://${bucket}/own/${partition}/", "test": "s3://bucket/test"}},
    {DEPLOY + "model": "arn:aws:sagemaker:eu-west-1:123456789012:model-package/house/3"},
    {DEPLOY + "model": "${stages.train.model}", DEPLOY + "entry_point": "train.py"},
    {DEPLOY + "model": "s3://bucket/model.tar.gz"},
    {"stages.quality.require": ["${trigger.type} == 'code'", '"a" != ${run.id}', "-1.5e-3 < .5"]},
    {"stages.quality.require": "${stages.evaluate.metrics.anything_at_all} > 0"},
    {"stages.prepare.enabled": False},
    {"description": "costs ${ more"},
    {"code": "."},
    {"partition": "${trigger.date}-${parameters.size}"},
]


@pytest.mark.parametrize("changes", RIGHT, ids=str)
def test_valid_documents_have_no_problems(house, changes):
    assert load(house(changes)).name == "house-price"


def test_every_dependency_cycle_is_reported_as_a_whole(house):
    extra = {"kind": "gate", "require": "1 < 2"}
    with pytest.raises(DocumentError) as caught:
        load(
            house(
                {
                    "stages.prepare.inputs.old": "${stages.train.model}",
                    "stages.x": {**extra, "after": ["y"]},
                    "stages.y": {**extra, "after": ["x"]},
                }
            )
        )

    assert [(problem.path, problem.message) for problem in caught.value.problems] == [
        ("stages.prepare", "stages depend on each other: prepare -> train -> prepare"),
        ("stages.x", "stages depend on each other: x -> y -> x"),
    ]


def test_dependencies_come_from_references_and_after(house):
    before = dependencies(
        load(house({"stages.deploy.request": {"Tags": [{"Value": "${stages.prepare.job}"}]}}))
    )

    assert list(before) == ["prepare", "train", "evaluate", "quality", "register", "deploy"]
    assert before == {
        "prepare": frozenset(),
        "train": {"prepare"},
        "evaluate": {"train", "prepare"},
        "quality": {"evaluate"},
        "register": {"quality", "train", "evaluate"},
        "deploy": {"register", "prepare"},
    }


def test_long_chain_does_not_exhaust_the_stack(house):
    stages = {
        f"g{i}": {"kind": "gate", "require": "1 < 2", "after": [f"g{i - 1}"] if i else []}
        for i in range(2_000)
    }

    assert len(dependencies(load({"name": "long", "stages": stages}))) == 2_000

    stages["g0"]["after"] = ["g1999"]
    with pytest.raises(DocumentError, match="depend on each other: g0 -> g1999 -> "):
        load({"name": "long", "stages": stages})


def test_too_many_stages_are_rejected(house):
    stages = {f"g{i}": {"kind": "gate", "require": "1 < 2"} for i in range(2_001)}

    with pytest.raises(DocumentError, match="the maximum is 2,000"):
        load({"name": "long", "stages": stages})
