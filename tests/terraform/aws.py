"""As much of AWS's command line as docs/terraform.md uses, by boto3: options are parameters, or unknown."""

from __future__ import annotations

import sys
from typing import Any

import boto3
import jmespath

LISTS = {
    "list_endpoints": "Endpoints[].EndpointArn",
    "list_endpoint_configs": "EndpointConfigs[].EndpointConfigArn",
    "list_models": "Models[].ModelArn",
    "list_model_package_groups": "ModelPackageGroupSummaryList[].ModelPackageGroupArn",
}


def main(service: str, operation: str, *given: str) -> None:
    match service, operation:
        case "s3", "rm":
            answer: Any = empty(given[-1])
        case "resourcegroupstaggingapi", "get-resources":
            answer = tagged(options(given)["tag-filters"])
        case _:
            answer = call(service, operation.replace("-", "_"), options(given))
    query = options(given).get("query") if service != "s3" else None
    if query:
        print("\t".join(jmespath.search(query, answer)))


def options(given: tuple[str, ...]) -> dict[str, str]:
    names = [each.removeprefix("--") for each in given[::2]]
    return dict(zip(names, given[1::2], strict=True))


def call(service: str, operation: str, given: dict[str, str]) -> Any:
    client = boto3.client(service)  # type: ignore[call-overload]
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    request = {}
    for option, value in given.items():
        if option not in ("query", "output"):
            name = "".join(part.capitalize() for part in option.split("-"))
            shape = model.input_shape.members[name]
            request[name] = [value] if shape.type_name == "list" else value
    return getattr(client, operation)(**request)


def tagged(wanted: str) -> Any:
    """The answer of GetResources, whose filter is `Key=...,Values=...`."""
    key, _, value = wanted.removeprefix("Key=").partition(",Values=")
    sagemaker = boto3.client("sagemaker")
    found = []
    for operation, arns in LISTS.items():
        for arn in jmespath.search(arns, getattr(sagemaker, operation)()):
            tags = sagemaker.list_tags(ResourceArn=arn)["Tags"]
            if {"Key": key, "Value": value} in tags:
                found.append({"ResourceARN": arn})
    return {"ResourceTagMappingList": found}


def empty(uri: str) -> None:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    for each in boto3.resource("s3").Bucket(bucket).objects.filter(Prefix=prefix):
        each.delete()


if __name__ == "__main__":
    main(*sys.argv[1:])
