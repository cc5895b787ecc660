"""Every private part of ministack that this package replaces or calls.

ministack has no extension points, so its modules are changed after their import. `replace` is the only way to
do so, and it accepts only what `PATCHES` lists. `USED` lists the private names that are called or read but
not replaced. Both are valid for exactly one version of ministack. To move to another version:

1. Set `VERSION`, and the version in pyproject.toml.
2. Run tests/local/emulator/test_patches.py. It names each patch whose upstream source changed.
3. Compare the sources, adapt the replacement, and copy the line and the digest from the test's message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VERSION = "1.5.33"


@dataclass(frozen=True)
class Patch:
    """One replaced attribute. `line` and `digest` (SHA-256, shortened) describe the upstream source."""

    module: str
    attribute: str
    line: int
    digest: str
    reason: str

    @property
    def name(self) -> str:
        return f"{self.module}.{self.attribute}"


_APP = "ministack.app"
_CLOUDWATCH = "ministack.services.cloudwatch"
_LOGS = "ministack.services.cloudwatch_logs"
_POLICIES = "ministack.core.iam_evaluator"
_DYNAMODB = "ministack.services.dynamodb"
_EVENTBRIDGE = "ministack.services.eventbridge"
_LAMBDA = "ministack.services.lambda_svc"
_PERSISTENCE = "ministack.core.persistence"
_RUNTIME = "ministack.core.lambda_runtime"
_S3 = "ministack.services.s3"
_SNS = "ministack.services.sns"
_SQS = "ministack.services.sqs"
_STEP_FUNCTIONS = "ministack.services.stepfunctions"

# fmt: off
PATCHES = (
    Patch(_APP, "BANNER", 590, "2ff021e423ca", "The banner does not belong in the server's log."),
    Patch(_APP, "_load_persisted_state", 3708, "319c13dca650",
          "Restores the snapshot and replays the journal. A service that cannot be restored is an error."),
    Patch(_CLOUDWATCH, "_describe_alarms", 1637, "7d9da272ba87",
          "Answers the query protocol with every field of an alarm, escaped."),
    Patch(_CLOUDWATCH, "_evaluate_alarm", 297, "cd059e91ab69",
          "An alarm uses the metric with exactly its dimensions."),
    Patch(_LOGS, "_collect_query_records", 2126, "98dedf6d5337", "Queries read events from files."),
    Patch(_LOGS, "_delete_log_group", 408, "9d53a89e8171", "Deletes the group's files."),
    Patch(_LOGS, "_log_records", 90, "e02d5dff8ba0", "Reads an event by its pointer from a file."),
    Patch(_LOGS, "re", 33, "66ec018201fb", "Limits the time of a query's regular expressions."),
    Patch(_POLICIES, "re", 23, "66ec018201fb", "Limits the time of patterns in policies."),
    Patch(_SNS, "_re", 46, "6565c8693149", "Limits the time of wildcards in filter policies."),
    Patch(_S3, "re", 41, "66ec018201fb", "Limits the time of patterns in CORS rules."),
    Patch(_STEP_FUNCTIONS, "re", 37, "66ec018201fb", "Limits the time of `StringMatches`."),
    Patch(_DYNAMODB, "_create_table", 1511, "49ade09f0059",
          "Gives a table the items that outlived its definition."),
    Patch(_DYNAMODB, "_delete_table", 1731, "0f1449bf1093", "Deletes the saved items of a table."),
    Patch(_DYNAMODB, "_query", 2677, "f98282df029e", "Notes the page that a query reads."),
    Patch(_DYNAMODB, "_index_members", 8702, "f37cb2d68351", "A query with a limit reads only its page."),
    Patch(_DYNAMODB, "_set_item", 8737, "cc5bade04426", "Journals each item before the response is sent."),
    Patch(_DYNAMODB, "_remove_item", 8750, "b6076c378e47",
          "Journals each deleted item before the response is sent."),
    Patch(_DYNAMODB, "_items_replaced", 8763, "8eaeaffc1ba6",
          "Journals the items of a table that is replaced as a whole."),
    Patch(_EVENTBRIDGE, "_dispatch_event", 1055, "dc3a3c4d1b9e", "Adds `object.version-id` to S3 events."),
    Patch(_EVENTBRIDGE, "_dispatch_to_lambda", 2425, "cb1c453d362b",
          "Tracks the functions that events invoke, so that the server can wait for them."),
    Patch(_EVENTBRIDGE, "_dispatch_to_sqs", 2444, "8a8e473f203a", "Journals the messages that rules send."),
    Patch(_LAMBDA, "execution_credentials", 58, "4bd96c7b2626",
          "Functions sign with the key of this server."),
    Patch(_LAMBDA, "_emit_lambda_logs", 5011, "2acd4c557cf3",
          "Functions log to files, one stream per server process."),
    Patch(_LAMBDA, "_execute_function_warm", 5387, "52733a30858a",
          "A failed function returns its exception as AWS Lambda does."),
    Patch(_LAMBDA, "_poll_sqs", 7538, "239fd1555e51",
          "Leaves messages in the queue while the server starts no runs."),
    Patch(_LAMBDA, "_LAMBDA_STATE_TRANSITION_DELAY", 3619, "ecde5f68c93e",
          "A function is ready within milliseconds."),
    Patch(_LAMBDA, "_ESM_IDLE_WAKE_GAP_SECONDS", 7483, "a0f92613ac12",
          "A message reaches its function within milliseconds."),
    Patch(_LAMBDA, "_ESM_SQS_DEFAULT_CONCURRENCY", 7410, "fdedbcb7431e",
          "One batch at a time: a second process takes longer to start than the first to finish."),
    Patch(_RUNTIME, "execution_credentials", 86, "958ceba5b7f8",
          "Functions sign with the key of this server."),
    Patch(_RUNTIME, "Worker._drain_stderr_bounded", 1362, "5526936e6e61",
          "Shortens the wait for a log line after each invocation."),
    Patch(_RUNTIME, "Worker._spawn", 1142, "f4552d7cf31d",
          "Functions start from an archive that includes bytecode."),
    Patch(_RUNTIME, "Worker.invoke", 1402, "a25fa06a9f1f", "Keeps the traceback that ministack only logs."),
    Patch(_S3, "_fire_s3_event", 4473, "24f600d630f2",
          "Passes the object's version to the event, and sends none for sample data."),
    Patch(_S3, "_persist_object", 9165, "a4c18a3bc14b",
          "Replaces an object and its metadata together, or refuses."),
    Patch(_S3, "_read_body", 9311, "e56202161e58",
          "An object whose file is gone is an error, not an empty object."),
    Patch(_S3, "_remove_key_files", 9119, "a79a7967685d",
          "A removal that a kill interrupts is finished at the next start."),
    Patch(_S3, "handle_request", 2479, "e2ebe7bcbfce",
          "Answers with the reason when the disk takes no object."),
    Patch(_S3, "resolve_credential", 61, "2fdf86ace064",
          "Verifies presigned URLs of functions and jobs, too."),
    Patch(_S3, "_resolve_sse_write_headers", 827, "3e4d400d9c6f",
          "Uses the account's key `aws/s3` when an upload names no KMS key."),
    Patch(_SQS, "DEFAULT_PORT", 86, "1f8e67cb2df1",
          "Stores queues under a fixed port, so that they survive a change of port."),
    Patch(_SQS, "_CANONICAL_NETLOC", 94, "744ba2dd8f68",
          "Stores queues under a fixed port, so that they survive a change of port."),
    Patch(_SQS, "_HANDLERS", 404, "ec924d7a06f6", "Journals the messages that clients send and delete."),
    Patch(_SQS, "_delete_messages_for_esm", 2010, "4004db8bd8c6",
          "Journals the messages that a function has processed."),
    Patch(_STEP_FUNCTIONS, "_executions", 135, "ec09d7ab5a21", "Keeps executions that have ended in a file."),
    Patch(_STEP_FUNCTIONS, "_describe_execution", 948, "811d82a4ea4a",
          "Names the version that an execution runs."),
    Patch(_STEP_FUNCTIONS, "_emit_execution_status_event", 1699, "ab641f656225",
          "Journals each change of an execution's status."),
    Patch(_STEP_FUNCTIONS, "_run_execution", 1759, "b4dd9fb10412",
          "Runs executions with our own engine, and tracks them."),
    Patch(_STEP_FUNCTIONS, "_send_task_failure", 1255, "2765576b5381", "Ends a task of our own engine."),
    Patch(_STEP_FUNCTIONS, "_send_task_heartbeat", 1269, "a14c3a4d5279", "Keeps a task of our own engine."),
    Patch(_STEP_FUNCTIONS, "_send_task_success", 1243, "9ca34d6e039e", "Ends a task of our own engine."),
    Patch(_STEP_FUNCTIONS, "_start_execution", 842, "9f822bb4f8f2",
          "Starts no execution while the server starts no runs, and records the version that it runs."),
    Patch(_STEP_FUNCTIONS, "_state_machines", 134, "bd8483025aee",
          "An execution of a version runs its definition."),
    Patch(_STEP_FUNCTIONS, "_stop_execution", 917, "91a04bc6da8d", "Stops an execution of our own engine."),
    Patch(_STEP_FUNCTIONS, "_validate_definition_jsonata", 327, "478b2aa35a24",
          "Rejects what AWS rejects of a definition."),
    Patch(_STEP_FUNCTIONS, "_validate_state_machine_definition", 1666, "b04cec21303e",
          "Answers with what AWS finds wrong with a definition."),
)
# fmt: on

USED: dict[str, tuple[str, ...]] = {
    _APP: ("_build_persistence_save_dict()", "_get_module(name)", "_state_map", "app(scope, receive, send)"),
    _CLOUDWATCH: ("_dims_key(dims)", "_metrics", "_xml(status, root_tag, inner)"),
    _LOGS: (
        "_build_log_record(ptr, timestamp_ms, message, log_group, log_stream)",
        "_create_log_group(data)",
        "_fanout_to_subscription_filters(group_name, stream_name, events)",
        "_get_log_group_fields(data)",
        "_log_groups",
        "_make_group_arn_no_star(name)",
        "_queries",
        "_start_query(data)",
    ),
    _DYNAMODB: (
        "_index_def(table, index_name)",
        "_index_key_lists(index)",
        "_index_order_keys(table, sk_name)",
        "_index_order_value(item, name, type_hint)",
        "_query(data)",
        "_tables",
        "_update_counts(table)",
    ),
    _EVENTBRIDGE: ("_put_events(data, allow_aws_source)",),
    _LAMBDA: (
        "_esm_inflight",
        "_execute_function_with_config_scope(func, event)",
        "_execution_record_for_config(func, config)",
        "_functions",
        "_get_func_record_for_ref(function_ref)",
        "_probe_peak_memory_mb(func)",
    ),
    _PERSISTENCE: (
        "STATE_DIR",
        "_json_default(obj)",
        "_state_format_version(service)",
        "load_state(service)",
    ),
    _RUNTIME: (
        "acquire_worker(func_name, config, code_zip, qualifier, max_concurrency)",
        "ensure_spawned(worker)",
        "release_worker(worker)",
    ),
    _S3: (
        "DATA_DIR",
        "_error(code, message, status, resource, extra, headers)",
        "_get_object(bucket_name, key, headers, query_params)",
        "_key_history_meta(bucket_name, key)",
        "_object_disk_path(bucket, key, account_id)",
        "_object_meta_from_record(obj)",
        "_object_versions",
        "_other_key_disk_path(base, key, fpath)",
        "get_account_id",
    ),
    _SQS: ("DEFAULT_HOST", "_get_q(url, action)", "_queue_by_arn(arn)", "_queues"),
    _STEP_FUNCTIONS: (
        "_ExecutionError",
        "_invoke_resource(resource, input_data)",
        "_resolve_lambda_function_ref(value, optimized)",
        "_state_machine_versions",
        "error_response_json",
        "json_response",
        "now_iso",
    ),
}
"""Per module, the private names that are called or read. A function has its parameters."""

_NAMES = {patch.name for patch in PATCHES}


def replace(owner: Any, attribute: str, value: Any) -> None:
    """Set an attribute of a ministack module or class. KeyError if the table does not list it."""
    name = f"{owner.__module__}.{owner.__qualname__}" if isinstance(owner, type) else owner.__name__
    if f"{name}.{attribute}" not in _NAMES:
        raise KeyError(f"{name}.{attribute} is not in PATCHES")
    setattr(owner, attribute, value)
