locals {
  wanted = {
    kms_key        = var.kms_key_arn != null
    vpc            = var.in_vpc
    data_buckets   = length(var.data_buckets) > 0
    data_keys      = length(var.data_key_arns) > 0
    model_accounts = length(var.model_accounts) > 0
  }
  buckets = [for name in var.data_buckets : "arn:${data.aws_partition.current.partition}:s3:::${name}"]
  resources = {
    "*"            = ["*"]
    kms_key        = var.kms_key_arn[*]
    data_buckets   = local.buckets
    data_keys      = var.data_key_arns
    data_objects   = [for bucket in local.buckets : "${bucket}/*"]
    model_packages = [for account in var.model_accounts : "arn:${data.aws_partition.current.partition}:sagemaker:*:${account}:model-package/*"]
  }

  # For each role, the statements of this installation's options (installation/roles/options.py).
  optional = {
    for role in keys(var.installation.roles) : role => flatten([
      for option, by_role in var.installation.role_options : [
        for statement in try(by_role[role], []) : {
          Sid      = statement.sid
          Effect   = "Allow"
          Action   = statement.actions
          Resource = flatten([for name in statement.resources : local.resources[name]])
        }
      ] if local.wanted[option]
    ])
  }
}

data "aws_partition" "current" {}

resource "aws_iam_role" "this" {
  for_each = var.installation.roles

  name                 = each.value.name
  assume_role_policy   = jsonencode(each.value.trust)
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "this" {
  for_each = var.installation.roles

  name   = each.value.name
  role   = aws_iam_role.this[each.key].id
  policy = jsonencode(merge(each.value.policy, { Statement = concat(each.value.policy.Statement, local.optional[each.key]) }))
}
