# The roles of CI in one environment, from artifacts/ci.json. An administrator applies this module, not CI.

locals {
  artifacts = "${path.module}/../../../src/stagewright/artifacts"
  ci = jsondecode(templatefile("${local.artifacts}/ci.json", {
    bucket          = var.bucket
    region          = data.aws_region.current.region
    account         = data.aws_caller_identity.current.account_id
    environment     = var.environment
    prefix          = var.prefix
    partition       = data.aws_partition.current.partition
    documents_table = "${var.prefix}-${var.environment}-documents"
    runs_table      = "${var.prefix}-${var.environment}-runs"
  }))

  tags     = merge(var.tags, { "stagewright:ci" = "${var.prefix}-${var.environment}" })
  boundary = var.permissions_boundary == null ? local.ci.boundary.arn : var.permissions_boundary

  # The names in `resources` that stand for variables.
  s3           = "arn:${data.aws_partition.current.partition}:s3:::"
  outputs      = [for uri in var.output_locations : trimprefix(uri, "s3://")]
  data_buckets = distinct([for name in concat(var.data_buckets, [for output in local.outputs : split("/", output)[0]]) : "${local.s3}${name}"])
  state_bucket = [for name in var.state_bucket[*] : "arn:${data.aws_partition.current.partition}:s3:::${name}"]
  state        = [for bucket in local.state_bucket : "${bucket}/stagewright/${var.environment}.tfstate"]
  keys         = concat(var.kms_key_arn[*], var.data_key_arns)
  resources = {
    kms_key        = var.kms_key_arn[*]
    data_keys      = var.data_key_arns
    data_buckets   = local.data_buckets
    data_objects   = [for bucket in local.data_buckets : "${bucket}/*"]
    job_volume_key = local.keys
    job_output_key = local.keys
    job_keys       = local.keys
    output_objects = [for output in local.outputs : "${local.s3}${output}*"]
    model_packages = [for account in var.model_source_accounts : "arn:${data.aws_partition.current.partition}:sagemaker:*:${account}:model-package/*"]
    state_bucket   = local.state_bucket
    state          = local.state
    state_lock     = [for object in local.state : "${object}.tflock"]
  }
  wanted = {
    create_bucket  = var.create_bucket
    push           = var.push
    kms_key        = var.kms_key_arn != null
    vpc            = var.in_vpc
    model_groups   = var.model_groups
    event_accounts = var.event_accounts
    state_bucket   = var.state_bucket != null
  }

  roles = local.trusts
  optional = {
    for role in keys(local.roles) : role => flatten([
      for option, by_role in local.ci.role_options : try(by_role[role], []) if local.wanted[option]
    ])
  }
  policies = merge([
    for role in keys(local.roles) : {
      for part, statements in merge(local.ci.roles[role].policies, { options = local.optional[role] }) :
      "${role}-${part}" => { role = role, statements = statements } if length(statements) > 0
    }
  ]...)
}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

resource "aws_iam_openid_connect_provider" "this" {
  for_each = var.create_providers ? local.issuers : {}

  url            = each.value.url
  client_id_list = [each.value.audience]
  tags           = local.tags
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name                 = local.ci.roles[each.key].name
  path                 = local.ci.path
  permissions_boundary = var.permissions_boundary
  tags                 = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/${each.value.issuer}" }
      Condition = {
        StringEquals = { "${each.value.issuer}:aud" = local.issuers[each.value.issuer].audience }
        StringLike   = { "${each.value.issuer}:sub" = each.value.subjects }
      }
    }]
  })
}

resource "aws_iam_policy" "this" {
  for_each = local.policies

  name = "${local.ci.roles[each.value.role].name}-${trimprefix(each.key, "${each.value.role}-")}"
  path = local.ci.path
  tags = local.tags

  policy = replace(
    jsonencode({
      Version = "2012-10-17"
      Statement = [for statement in each.value.statements : merge(
        {
          Sid      = statement.sid
          Effect   = statement.effect
          Action   = statement.actions
          Resource = flatten([for name in statement.resources : lookup(local.resources, name, [name])])
        },
        length(statement.conditions) > 0 ? { Condition = statement.conditions } : {},
      )]
    }),
    local.ci.boundary.arn, local.boundary,
  )
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = local.policies

  role       = aws_iam_role.this[each.value.role].name
  policy_arn = aws_iam_policy.this[each.key].arn
}

# What the roles of the installation may do at most. Without it, a role that creates roles could do anything.
resource "aws_iam_policy" "boundary" {
  count = var.permissions_boundary == null ? 1 : 0

  name = local.ci.boundary.name
  path = local.ci.path
  tags = local.tags

  policy = local.boundary_policy

  lifecycle {
    precondition {
      condition     = length(local.boundary_policy) <= 6144
      error_message = "The permissions boundary has ${length(local.boundary_policy)} characters, and IAM accepts 6144. Use fewer or shorter data_buckets, output_locations and data_key_arns, or set permissions_boundary to a policy of your organization."
    }
  }
}

locals {
  boundary_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in local.bounded : {
      Sid      = statement.sid
      Effect   = "Allow"
      Action   = statement.actions
      Resource = statement.resources
    } if length(statement.resources) > 0]
  })
  bounded = [for statement in local.ci.boundary.statements : merge(statement, {
    resources = flatten([for name in statement.resources : lookup(local.resources, name, [name])])
  })]
}
