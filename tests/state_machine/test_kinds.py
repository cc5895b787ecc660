"""Tuning, model and transform on a real engine."""

from __future__ import annotations

import json

import pytest

from stagewright.syntax.metric_path import steps

TUNE, SCORE = "CreateHyperParameterTuningJob", "CreateTransformJob"


def tune(stage, name="tune", bindings=(), **request):
    return stage(
        name, "tuning", {TUNE: {"HyperParameterTuningJobName": f"run-{name}-1", **request}}, bindings
    )


def score(stage, name="score", model=True, bindings=(), **request):
    requests = {"CreateModel": {"ModelName": f"run-{name}-1", "Of": "<<train.model>>"}} if model else {}
    requests[SCORE] = {"TransformJobName": f"run-{name}-1", **request}
    bindings = [*bindings, *(["train.model"] if model else [])]
    return stage(name, "transform", requests, bindings, outputs={"predictions": "s3://b/p"})


def test_tuning_result_is_the_best_training_job(engine, stage, train):
    walked = engine.walk([[[tune(stage), train("after", ["tune.best", "tune.model"], X="<<tune.best>>")]]])
    assert walked.status == "SUCCEEDED", walked.cause
    result = walked.result("tune")
    assert result.pop("seconds") >= 0
    assert result == {
        "job": "run-tune-1",
        "arn": "arn:run-tune-1",
        "outputs": {},
        "best": "best-007",
        "tuned": ["rate"],
        "hyperparameters": {"rate": "0.1", "epochs": "30", "loss": 'a "quoted" one', "shuffle": "True"},
        "model": "s3://bucket/model.tar.gz",
        "metrics": {"mae": 12.5, "r2": 0.25},
    }
    assert walked.requests("describeTrainingJob") == [{"TrainingJobName": "best-007"}]
    assert walked.requests("createTrainingJob.sync")[0]["X"] == "best-007"


def test_later_stage_gets_the_best_hyperparameters(engine, stage, train):
    bound = [f"tune.hyperparameters.{name}" for name in ("rate", "epochs", "shuffle")]
    given = {path.rpartition(".")[2]: json.dumps(f"<<{path}>>") for path in bound}
    walked = engine.walk([[[tune(stage)]], [[train("after", bound, HyperParameters=given)]]])
    assert walked.status == "SUCCEEDED", walked.cause
    assert walked.requests("createTrainingJob.sync")[0]["HyperParameters"] == {
        "rate": '"0.1"',
        "epochs": '"30"',
        "shuffle": '"True"',
    }
    lacking = train("lost", ["tune.hyperparameters.x"], X="<<tune.hyperparameters.x>>")
    assert engine.walk([[[tune(stage), lacking]]]).cause == "lost: tune has no hyperparameters.x"


def test_tuning_job_without_a_best_training_job_fails(engine, stage, train):
    walked = engine.walk([[[tune(stage, "a-none-x"), train("after")]]])
    assert walked.cause == "a-none-x: no training job of run-a-none-x-1 has a value of the objective metric"
    assert walked.items["stage#a-none-x"]["status"]["S"] == "FAILED"
    assert "stage#after" not in walked.items


def test_failed_tuning_job_reports_its_reason(engine, stage):
    walked = engine.walk([[[tune(stage, "a-fail-x")]]])
    assert walked.cause.startswith('a-fail-x: AlgorithmError: ExecuteUserScriptError: "boom"')


def test_stopped_jobs_are_reported_as_stopped(engine, stage):
    walked = engine.walk([[[tune(stage, "a-stop-x")]]])
    assert walked.cause == "a-stop-x: the job was stopped"
    walked = engine.walk([[[score(stage, "a-stop-x", model=False, ModelName="m")]]])
    assert walked.cause == "a-stop-x: the job was stopped"


def process(stage, name, metrics=None):
    request = {"CreateProcessingJob": {"ProcessingJobName": f"run-{name}-1"}}
    return stage(name, "processing", request, metrics=metrics or {})


def test_job_that_takes_too_long_is_stopped(engine, stage, train):
    """The timeout of a stage counts from the submission of its job, so the job may still be running."""
    measured = {"bucket": "bucket", "key": "metrics.json"}
    walked = engine.walk(
        [
            [
                [tune(stage, "a-late-x")],
                [score(stage, "b-late-x", model=False, ModelName="m")],
                [train("c-late-x")],
                [process(stage, "d-late-x")],
                [process(stage, "e-late-x", measured)],
            ]
        ]
    )
    late = "the job was stopped: it did not end within 3600 seconds"
    assert walked.requests("stopHyperParameterTuningJob") == [
        {"HyperParameterTuningJobName": "run-a-late-x-1"}
    ]
    assert walked.requests("stopTransformJob") == [{"TransformJobName": "run-b-late-x-1"}]
    assert walked.requests("stopTrainingJob") == [{"TrainingJobName": "run-c-late-x-1"}]
    assert sorted(each["ProcessingJobName"] for each in walked.requests("stopProcessingJob")) == [
        "run-d-late-x-1",
        "run-e-late-x-1",
    ]
    for name in ("a-late-x", "b-late-x", "c-late-x", "d-late-x", "e-late-x"):
        item = walked.items[f"stage#{name}"]
        assert (item["error"]["S"], item["cause"]["S"]) == ("States.Timeout", late)


def test_late_job_is_stopped_before_the_next_attempt_starts(engine, stage, train):
    retry = {"attempts": 2, "wait": 0, "named": json.dumps({"job": "run-r-late-x-<<attempt>>"})}
    late = train("r-late-x", TrainingJobName="run-r-late-x-<<attempt>>") | {
        "job": "run-r-late-x-1",
        "retry": retry,
    }
    walked = engine.walk([[[late]]])
    calls = [call["call"] for call in walked.calls]
    assert calls == ["createTrainingJob.sync", "stopTrainingJob"] * 2
    assert [each["TrainingJobName"] for each in walked.requests("stopTrainingJob")] == [
        "run-r-late-x-1",
        "run-r-late-x-2",
    ]


def glue(stage, name, metrics=None):
    request = {"JobName": "shell", "Arguments": {"--stagewright-job": f"run-{name}-1"}}
    return stage(name, "glue", {"StartJobRun": request}, metrics=metrics or {})


@pytest.mark.parametrize("metrics", [None, {"bucket": "bucket", "key": "metrics.json"}])
def test_glue_run_that_takes_too_long_is_found_and_stopped(engine, stage, metrics):
    walked = engine.walk([[[glue(stage, "a-late-x", metrics)]]])
    pages = [{"JobName": "shell", "MaxResults": 50}, {"JobName": "shell", "MaxResults": 50, "NextToken": "1"}]
    assert walked.requests("getJobRuns") == pages
    assert walked.requests("batchStopJobRun") == [{"JobName": "shell", "JobRunIds": ["jr_11"]}]
    item = walked.items["stage#a-late-x"]
    late = "the job was stopped: it did not end within 3600 seconds"
    assert (item["status"]["S"], item["error"]["S"], item["cause"]["S"]) == ("FAILED", "States.Timeout", late)


def test_late_glue_run_that_never_started_fails_the_stage(engine, stage):
    walked = engine.walk([[[glue(stage, "a-late-lost")]]])
    assert len(walked.requests("getJobRuns")) == 3
    assert not walked.requests("batchStopJobRun")
    assert walked.items["stage#a-late-lost"]["error"]["S"] == "States.Timeout"


def test_glue_run_that_ends_is_not_looked_for(engine, stage):
    walked = engine.walk([[[glue(stage, "well")]]])
    assert walked.status == "SUCCEEDED", walked.cause
    assert not walked.requests("getJobRuns")


def test_job_that_fails_is_not_stopped(engine, stage, train):
    walked = engine.walk([[[train("a-fail-x")], [process(stage, "b-fail-x")]]])
    assert not walked.requests("stopTrainingJob")
    assert not walked.requests("stopProcessingJob")


def test_empty_metrics_file_is_named(engine, stage):
    engine.s3.put_object(Bucket="bucket", Key="empty.json", Body=b"")
    walked = engine.walk([[[process(stage, "measured", {"bucket": "bucket", "key": "empty.json"})]]])
    assert walked.cause == "measured: metrics file s3://bucket/empty.json is empty"


EVALUATION = {
    "regression_metrics": {"mse": {"value": 4.5, "standard_deviation": "NaN"}, "r2": None},
    "folds": [{"f1": 0.5}, {"f1": [0.25, [7]]}],
    "a b": {"c.d": 3},
    "list": [1],
    "loss": 0.125,
}


def evaluated(engine, stage, body, **paths):
    """The walk of a stage that names metrics of `body`."""
    engine.s3.put_object(Bucket="bucket", Key="evaluation.json", Body=json.dumps(body))
    values = [{"name": name, "path": path, "steps": steps(path)} for name, path in paths.items()]
    measured = {"bucket": "bucket", "key": "evaluation.json", "values": values}
    return engine.walk([[[process(stage, "measured", measured)]]])


def test_named_metrics_are_read_at_their_paths(engine, stage):
    paths = {
        "mse": "regression_metrics.mse.value",
        "first": "folds[0].f1",
        "deep": "folds[1].f1[1][0]",
        "quoted": "['a b']['c.d']",
        "one": "list[0]",
        "loss": "loss",
    }
    walked = evaluated(engine, stage, EVALUATION, **paths)
    assert walked.status == "SUCCEEDED", walked.cause
    expected = {"mse": 4.5, "first": 0.5, "deep": 7, "quoted": 3, "one": 1, "loss": 0.125}
    assert walked.result("measured")["metrics"] == expected


def test_metric_without_a_number_fails_the_stage_with_its_path(engine, stage):
    paths = {
        "mse": "regression_metrics.mse.value",
        "sd": "regression_metrics.mse.standard_deviation",
        "r2": "regression_metrics.r2",
        "mae": "regression_metrics.mae",
        "index": "loss[0]",
        "name": "list.x",
        "whole": "folds",
    }
    walked = evaluated(engine, stage, EVALUATION, **paths)
    assert walked.cause == (
        "measured: metrics file s3://bucket/evaluation.json: "
        "metrics.sd: regression_metrics.mse.standard_deviation is not a number (string); "
        "metrics.r2: regression_metrics.r2 is not a number (null); "
        "metrics.mae: there is nothing at regression_metrics.mae; "
        "metrics.index: there is nothing at loss[0]; "
        "metrics.name: there is nothing at list.x; "
        "metrics.whole: folds is not a number (array)"
    )


def test_model_result_has_the_requested_name(engine, stage, train):
    model = stage(
        "model",
        "model",
        {"CreateModel": {"ModelName": "Run-Model-1", "Of": "<<train.model>>"}},
        ["train.model"],
    )
    after = train("after", ["model.name"], X="<<model.name>>")
    walked = engine.walk([[[train("train"), model, after]]])
    assert walked.status == "SUCCEEDED", walked.cause
    result = walked.result("model")
    assert (result["name"], result["arn"]) == ("Run-Model-1", "arn:run-model-1")
    assert walked.requests("createModel") == [{"ModelName": "Run-Model-1", "Of": "s3://bucket/model.tar.gz"}]
    assert walked.requests("createTrainingJob.sync")[1]["X"] == "Run-Model-1"


def test_transform_creates_its_model(engine, stage, train):
    walked = engine.walk([[[train("train"), score(stage, ModelName="run-score-1")]]])
    assert walked.status == "SUCCEEDED", walked.cause
    calls = [call["call"] for call in walked.calls]
    assert calls == ["createTrainingJob.sync", "createModel", "createTransformJob.sync"]
    assert walked.requests("createModel")[0]["Of"] == "s3://bucket/model.tar.gz"
    result = walked.result("score")
    assert (result["job"], result["arn"]) == ("run-score-1", "arn:run-score-1")
    assert result["outputs"] == {"predictions": "s3://b/p"}


def test_transform_of_an_existing_model_creates_none(engine, stage):
    walked = engine.walk([[[score(stage, model=False, ModelName="mine")]]])
    assert walked.status == "SUCCEEDED", walked.cause
    assert [call["call"] for call in walked.calls] == ["createTransformJob.sync"]


def test_history_events(engine, stage, train):
    base = len(engine.walk([[[train("a")]]]).events)
    model = stage("x", "model", {"CreateModel": {"ModelName": "m"}})
    transform = score(stage, "x", model=False, ModelName="m")
    for other, more in ((tune(stage, "x"), 20), (model, 14), (transform, 15)):
        assert len(engine.walk([[[train("a"), other]]]).events) - base == more
    made = score(stage, "y", ModelName="m")
    assert len(engine.walk([[[train("train"), made]]]).events) - base == 20
