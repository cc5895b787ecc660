"""What Terraform made, in the words of installation.json: section -> name in AWS -> settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Values = Mapping[str, Any]
Section = dict[str, dict[str, Any]]


class Made:
    """Looks into the resources of a state or plan by their type."""

    def __init__(self, resources: list[dict[str, Any]]) -> None:
        self._resources = resources

    def all(self, kind: str) -> list[Values]:
        return [each["values"] for each in self._resources if each["type"] == kind]

    def one(self, kind: str, **having: Any) -> Values:
        found = [
            each for each in self.all(kind) if all(each[name] == value for name, value in having.items())
        ]
        assert len(found) == 1, f"{len(found)} of {kind} with {having}"
        return found[0]

    def statements(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Role -> Sid -> statement, in its inline policy and its managed ones, which are named after it."""
        found = {role["name"]: list(_statements(role)) for role in self.all("aws_iam_role_policy")}
        for policy in self.all("aws_iam_policy"):
            found[policy["name"].rpartition("-")[0]] += _statements(policy)
        return {role: {each["Sid"]: each for each in statements} for role, statements in found.items()}

    def sections(self) -> dict[str, Any]:
        return {
            "bucket": self.bucket(),
            "tables": self._by("aws_dynamodb_table", "name", _table),
            "queues": self._by("aws_sqs_queue", "name", self._queue),
            "rules": self._by("aws_cloudwatch_event_rule", "name", self._rule),
            "functions": self._by("aws_lambda_function", "function_name", _function),
            "event_sources": self._by("aws_lambda_event_source_mapping", "event_source_arn", _source),
            "glue_jobs": self._by("aws_glue_job", "name", _glue_job),
            "topics": self._by("aws_sns_topic", "name", self._topic),
            "log_groups": self._by("aws_cloudwatch_log_group", "name", _log_group),
            "state_machine": _machine(self.one("aws_sfn_state_machine")),
            "roles": self._by("aws_iam_role", "name", self._role),
            "log_metrics": self._by("aws_cloudwatch_log_metric_filter", "name", _log_metric),
            "alarms": self._by("aws_cloudwatch_metric_alarm", "alarm_name", _alarm),
            "dashboard": _dashboard(self.one("aws_cloudwatch_dashboard")),
        }

    def bucket(self) -> dict[str, Any]:
        name = self.one("aws_s3_bucket")["bucket"]
        (encryption,) = self.one("aws_s3_bucket_server_side_encryption_configuration", bucket=name)["rule"]
        block = self.one("aws_s3_bucket_public_access_block", bucket=name)
        blocks = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
        rules = self.one("aws_s3_bucket_lifecycle_configuration", bucket=name)["rule"]
        assert {rule["status"] for rule in rules} == {"Enabled"}
        (versioning,) = self.one("aws_s3_bucket_versioning", bucket=name)["versioning_configuration"]
        (owner,) = self.one("aws_s3_bucket_ownership_controls", bucket=name)["rule"]
        return {
            "name": name,
            "versioning": versioning["status"] == "Enabled",
            "eventbridge": self.one("aws_s3_bucket_notification", bucket=name)["eventbridge"],
            "encryption": encryption["apply_server_side_encryption_by_default"][0]["sse_algorithm"],
            "block_public_access": all(block[each] for each in blocks),
            "object_ownership": owner["object_ownership"],
            "abort_multipart_days": rules[0]["abort_incomplete_multipart_upload"][0]["days_after_initiation"],
            "noncurrent_days": {
                rule["filter"][0]["prefix"]: rule["noncurrent_version_expiration"][0]["noncurrent_days"]
                for rule in rules[1:]
            },
            "policy": json.loads(self.one("aws_s3_bucket_policy", bucket=name)["policy"]),
        }

    def _by(self, kind: str, name: str, describe: Callable[[Values], dict[str, Any]]) -> Section:
        return {each[name]: describe(each) for each in self.all(kind)}

    def _queue(self, queue: Values) -> dict[str, Any]:
        redrive = json.loads(queue["redrive_policy"]) if queue["redrive_policy"] else None
        return {
            "name": queue["name"],
            "arn": queue["arn"],
            "managed_encryption": queue["sqs_managed_sse_enabled"],
            "visibility_timeout": queue["visibility_timeout_seconds"],
            "retention": queue["message_retention_seconds"],
            "redrive": redrive
            and {
                "dead_letter_arn": redrive["deadLetterTargetArn"],
                "max_receives": redrive["maxReceiveCount"],
            },
            "policy": json.loads(self.one("aws_sqs_queue_policy", queue_url=queue["url"])["policy"]),
        }

    def _rule(self, rule: Values) -> dict[str, Any]:
        target = self.one("aws_cloudwatch_event_target", rule=rule["name"])
        name = target["arn"].rpartition(":")[2]
        function = ":function:" in target["arn"]
        if function:
            permission = self.one("aws_lambda_permission", source_arn=rule["arn"])
            given = permission["action"], permission["principal"], permission["function_name"]
            assert given == ("lambda:InvokeFunction", "events.amazonaws.com", name)
        dead = target["dead_letter_config"]
        return {
            "name": rule["name"],
            "arn": rule["arn"],
            "description": rule["description"],
            "pattern": json.loads(rule["event_pattern"]) if rule["event_pattern"] else None,
            "schedule": rule["schedule_expression"] or None,
            "target": {
                "kind": "function" if function else "queue",
                "arn": target["arn"],
                "dead_letter_arn": dead[0]["arn"] if dead else None,
            },
        }

    def _topic(self, topic: Values) -> dict[str, Any]:
        policy = self.one("aws_sns_topic_policy", arn=topic["arn"])["policy"]
        return {
            "name": topic["name"],
            "arn": topic["arn"],
            "kms_key": topic["kms_master_key_id"],
            "policy": json.loads(policy),
        }

    def _role(self, role: Values) -> dict[str, Any]:
        return {
            "name": role["name"],
            "arn": role["arn"],
            "trust": json.loads(role["assume_role_policy"]),
            "policy": json.loads(self.one("aws_iam_role_policy", role=role["id"])["policy"]),
        }


def _statements(policy: Values) -> list[dict[str, Any]]:
    return list(json.loads(policy["policy"])["Statement"])


def _table(table: Values) -> dict[str, Any]:
    return {
        "name": table["name"],
        "billing_mode": table["billing_mode"],
        "point_in_time_recovery": table["point_in_time_recovery"][0]["enabled"],
        "ttl": table["ttl"][0]["attribute_name"] if table["ttl"] else None,
        "hash_key": table["hash_key"],
        "range_key": table["range_key"],
        "attributes": {each["name"]: each["type"] for each in table["attribute"]},
        "indexes": {
            each["name"]: {
                "hash_key": each["hash_key"],
                "range_key": each["range_key"],
                "projection": each["projection_type"],
                "non_key_attributes": each["non_key_attributes"],
            }
            for each in table["global_secondary_index"]
        },
    }


def _function(function: Values) -> dict[str, Any]:
    return {
        "name": function["function_name"],
        "handler": function["handler"],
        "archive": function["filename"].rpartition("/")[2],
        "runtime": function["runtime"],
        "architecture": function["architectures"][0],
        "layers": function["layers"],
        "timeout": function["timeout"],
        "memory": function["memory_size"],
        "reserved_concurrency": function["reserved_concurrent_executions"],
        "role": function["role"],
        "log_group": function["logging_config"][0]["log_group"],
        "environment": function["environment"][0]["variables"],
    }


def _source(source: Values) -> dict[str, Any]:
    return {
        "queue": source["event_source_arn"],
        "function": source["function_name"],
        "batch_size": source["batch_size"],
        "batching_window": source["maximum_batching_window_in_seconds"],
        "function_response_types": source["function_response_types"],
    }


def _glue_job(job: Values) -> dict[str, Any]:
    (command,), (execution,) = job["command"], job["execution_property"]
    capacity = {
        "MaxCapacity": job["max_capacity"],
        "WorkerType": job["worker_type"],
        "NumberOfWorkers": job["number_of_workers"],
    }
    return {
        "name": job["name"],
        "arn": job["arn"],
        "command": command["name"],
        "python_version": command["python_version"],
        "glue_version": job["glue_version"],
        "role": job["role_arn"],
        "script": command["script_location"],
        "capacity": {name: value for name, value in capacity.items() if value},
        "default_arguments": job["default_arguments"],
        "max_concurrent_runs": execution["max_concurrent_runs"],
        "max_retries": job["max_retries"],
        "timeout": job["timeout"],
        "tags": job["tags"],
    }


def _log_group(group: Values) -> dict[str, Any]:
    return {"name": group["name"], "retention_days": group["retention_in_days"]}


def _machine(machine: Values) -> dict[str, Any]:
    (logging,) = machine["logging_configuration"]
    return {
        "name": machine["name"],
        "arn": machine["arn"],
        "type": machine["type"],
        "definition": json.loads(machine["definition"]),
        "role": machine["role_arn"],
        "logging": {
            "level": logging["level"],
            "include_execution_data": logging["include_execution_data"],
            "log_group": logging["log_destination"].partition(":log-group:")[2].removesuffix(":*"),
        },
        "publish": machine["publish"],
    }


def _log_metric(metric: Values) -> dict[str, Any]:
    (made,) = metric["metric_transformation"]
    return {
        "name": metric["name"],
        "log_group": metric["log_group_name"],
        "pattern": metric["pattern"],
        "metric": made["name"],
        "value": made["value"],
        "namespace": made["namespace"],
    }


def _alarm(alarm: Values) -> dict[str, Any]:
    assert alarm["alarm_actions"] == alarm["ok_actions"]
    return {
        "name": alarm["alarm_name"],
        "namespace": alarm["namespace"],
        "metric": alarm["metric_name"],
        "dimensions": alarm["dimensions"] or {},
        "description": alarm["alarm_description"],
        "threshold": alarm["threshold"],
        "statistic": alarm["statistic"],
        "period": alarm["period"],
        "periods": alarm["evaluation_periods"],
        "comparison": alarm["comparison_operator"],
        "missing": alarm["treat_missing_data"],
        "actions": alarm["alarm_actions"],
    }


def _dashboard(dashboard: Values) -> dict[str, Any]:
    return {"name": dashboard["dashboard_name"], "body": json.loads(dashboard["dashboard_body"])}
