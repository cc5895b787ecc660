"""A Spark job run in a Python with pyspark. It needs Java."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.local.glue.bench import SPARK_SKIPPED, Bench, pythons
from tests.support.cached_python import python_with

from sagemaker_local.state_folder import Server
from stagewright.local import server

pytestmark = pytest.mark.slow

SCRIPT = """
import sys
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
args = getResolvedOptions(sys.argv, ["JOB_NAME", "most"])
context = GlueContext(SparkContext.getOrCreate())
job = Job(context)
job.init(args["JOB_NAME"], args)
rows = context.spark_session.range(int(args["most"])).selectExpr("sum(id) as total").collect()
print(args["JOB_NAME"], "adds up to", rows[0].total)
spark = context.spark_session.sparkContext
print("doors:", spark.uiWebUrl, spark.getConf().get("spark.authenticate"))
job.commit()
context.create_dynamic_frame
"""


@pytest.mark.spark
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
def test_spark_script_runs_and_reports_unsupported_features(
    state: Path, bench_of: Callable[[Server], Bench]
) -> None:
    python = python_with(Path(__file__).with_name("requirements-spark.txt"), SPARK_SKIPPED)
    bench = bench_of(server.up(pythons(state, **{"glue_spark_5.0": str(python)})))
    place = bench.put("spark.py", SCRIPT)
    command = {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": place}
    job = bench.job(Command=command, GlueVersion="5.0", WorkerType="G.1X", NumberOfWorkers=2)
    run = bench.run(job, Arguments={"--most": "101"})
    bench.logged("/aws-glue/jobs/output", run["Id"], f"{job} adds up to 5050")
    bench.logged("/aws-glue/jobs/output", run["Id"], "doors: None true")
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith(
        "NotImplementedError: the local GlueContext has no create_dynamic_frame"
    )
    assert (run["Timeout"], run["WorkerType"], run["GlueVersion"]) == (480, "G.1X", "5.0")
