# Policies for people, from artifacts/people.json. An administrator applies this module, not CI: whoever may change these
# policies decides who approves.

locals {
  artifacts = "${path.module}/../../../src/stagewright/artifacts"
  people = jsondecode(templatefile("${local.artifacts}/people.json", {
    bucket          = var.bucket
    region          = data.aws_region.current.region
    account         = data.aws_caller_identity.current.account_id
    environment     = var.environment
    prefix          = var.prefix
    partition       = data.aws_partition.current.partition
    documents_table = "${var.prefix}-${var.environment}-documents"
    runs_table      = "${var.prefix}-${var.environment}-runs"
  }))

  # The names in `resources` that stand for variables.
  resources = {
    kms_key      = var.kms_key_arn[*]
    data_keys    = var.data_key_arns
    data_buckets = [for name in var.data_buckets : "arn:${data.aws_partition.current.partition}:s3:::${name}"]
  }
  wanted = {
    kms_key      = var.kms_key_arn != null
    data_keys    = length(var.data_key_arns) > 0
    data_buckets = length(var.data_buckets) > 0
  }
  optional = {
    for name in keys(local.people.policies) : name => flatten([
      for option, by_policy in local.people.options : [
        for statement in try(by_policy[name], []) : {
          Sid      = statement.sid
          Effect   = "Allow"
          Action   = statement.actions
          Resource = flatten([for name in statement.resources : local.resources[name]])
        }
      ] if local.wanted[option]
    ])
  }
  policies = {
    for name, policy in local.people.policies : name =>
    jsonencode(merge(policy.policy, { Statement = concat(policy.policy.Statement, local.optional[name]) }))
  }
  guardrails = {
    Version = "2012-10-17"
    Statement = [
      for guardrail in local.people.guardrails : {
        Sid      = guardrail.sid
        Effect   = "Deny"
        Action   = guardrail.actions
        Resource = guardrail.resources
        Condition = merge(guardrail.conditions, {
          ArnNotLike = { "aws:PrincipalArn" = concat(guardrail.except_roles, var.administrators) }
        })
      }
    ]
  }
}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

resource "aws_iam_policy" "this" {
  for_each = local.policies

  name        = local.people.policies[each.key].name
  description = local.people.policies[each.key].needs_viewer ? "Attach the policy ${local.people.policies.viewer.name} too." : null
  policy      = each.value
  tags        = var.tags

  lifecycle {
    precondition {
      condition     = length(each.value) <= 6144
      error_message = "The policy ${each.key} has ${length(each.value)} characters, and IAM accepts 6144. Use fewer or shorter data_buckets and data_key_arns."
    }
  }
}
