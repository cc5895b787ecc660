# Run with `terraform test` in the parent folder, with any provider of version 6. It creates nothing.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:123456789012:mock" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:mock" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:mock" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-central-1:123456789012:rule/mock" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:mock" }
  }
}

variables {
  environment = "dev"
  bucket      = "ml-dev"
}

run "names_carry_prefix_and_environment" {
  command = apply

  variables {
    prefix = "ml"
  }

  assert {
    condition     = output.installation.documents_table == "ml-dev-documents"
    error_message = "the documents table is named ${output.installation.documents_table}"
  }

  assert {
    condition     = output.functions["router"] == "ml-dev-router"
    error_message = "the functions are named ${jsonencode(output.functions)}"
  }

  assert {
    condition     = output.installation.region == "eu-central-1"
    error_message = "the region is the provider's"
  }
}

run "capitals" {
  command = plan

  variables {
    bucket = "ML-Dev"
  }

  expect_failures = [var.bucket]
}

run "misspelt_environment" {
  command = plan

  variables {
    environment = "produciton"
  }

  expect_failures = [var.environment]
}

run "another_region_than_the_provider" {
  command = plan

  variables {
    region = "us-east-1"
  }

  expect_failures = [data.aws_region.current]
}
