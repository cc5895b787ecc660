locals {
  wanted = {
    kms_key        = var.kms_key_arn != null
    vpc            = var.in_vpc
    glue_vpc       = length(var.glue_connections) > 0
    job_vpc        = contains(keys(var.jobs), "subnets")
    job_volume_key = contains(keys(var.jobs), "kms_volume_key")
    job_output_key = contains(keys(var.jobs), "kms_output_key")
    data_buckets   = length(local.buckets) > 0
    data_keys      = length(var.data_key_arns) > 0
    model_accounts = length(var.model_accounts) > 0

    output_locations = length(local.outputs) > 0
    output_keys      = length(local.outputs) > 0 && length(var.data_key_arns) > 0

    enforce_vpc               = var.enforce_job_settings && contains(keys(var.jobs), "subnets")
    enforce_network_isolation = var.enforce_job_settings && contains(keys(var.jobs), "network_isolation")
    enforce_encrypt_traffic   = var.enforce_job_settings && contains(keys(var.jobs), "encrypt_traffic")
    enforce_volume_key        = var.enforce_job_settings && contains(keys(var.jobs), "kms_volume_key")
    enforce_output_key        = var.enforce_job_settings && contains(keys(var.jobs), "kms_output_key")
    enforce_instance_types    = var.enforce_job_settings && contains(keys(var.jobs), "instance_types")
  }
  s3 = "arn:${data.aws_partition.current.partition}:s3:::"

  # Each output location without s3://. Its objects can be read as well.
  outputs        = [for uri in var.output_locations : trimprefix(uri, "s3://")]
  output_objects = [for output in local.outputs : "${local.s3}${output}*"]
  buckets        = distinct([for name in concat(var.data_buckets, [for output in local.outputs : split("/", output)[0]]) : "${local.s3}${name}"])

  # What stands for names in the resources and conditions of these statements. Other texts stand for themselves.
  named = {
    kms_key        = var.kms_key_arn[*]
    data_buckets   = local.buckets
    data_keys      = var.data_key_arns
    data_objects   = distinct(concat([for name in var.data_buckets : "${local.s3}${name}/*"], local.output_objects))
    output_objects = local.output_objects
    job_volume_key = try([var.jobs.kms_volume_key], [])
    job_output_key = try([var.jobs.kms_output_key], [])
    job_keys       = distinct(concat(try([var.jobs.kms_volume_key], []), try([var.jobs.kms_output_key], [])))

    glue_connections = concat(
      ["arn:${data.aws_partition.current.partition}:glue:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:catalog"],
      [for name in var.glue_connections : "arn:${data.aws_partition.current.partition}:glue:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:connection/${name}"],
    )

    job_subnets         = try(var.jobs.subnets, [])
    job_security_groups = try(var.jobs.security_groups, [])
    job_instance_types  = try(var.jobs.instance_types, [])

    model_packages = [for account in var.model_accounts : "arn:${data.aws_partition.current.partition}:sagemaker:*:${account}:model-package/*"]
  }

  # Role -> option -> its statements, for this installation's options (installation/roles/options.py).
  optional = {
    for role in keys(var.installation.roles) : role => {
      for option, by_role in var.installation.role_options : option => [
        for statement in by_role[role] : merge(
          {
            Sid      = statement.sid
            Effect   = statement.effect
            Action   = statement.actions
            Resource = flatten([for name in statement.resources : lookup(local.named, name, [name])])
          },
          {
            for name, conditions in { Condition = statement.conditions } : name => {
              for operator, keys in conditions : operator => {
                for key, values in keys : key => flatten([for value in flatten([values]) : lookup(local.named, value, [value])])
              }
            } if length(conditions) > 0
          },
        )
      ] if contains(keys(by_role), role) && local.wanted[option]
    }
  }

  # IAM's quotas: characters of all inline policies of a role, and of a managed policy.
  limits = { inline = 10240, managed = 6144 }
  inline = {
    for role, settings in var.installation.roles : role => jsonencode(merge(settings.policy, {
      Statement = concat(settings.policy.Statement, flatten([
        for option, statements in local.optional[role] : statements
        if !contains(flatten(values(lookup(var.installation.managed_options, role, {}))), option)
      ]))
    }))
  }

  # Options in customer managed policies, because the role's inline policy has no room for them. What is wanted is known
  # before any key is.
  attached = {
    enforced = var.enforce_job_settings
    data     = length(concat(var.data_buckets, var.data_key_arns, var.model_accounts, local.outputs)) > 0
  }
  managed = merge([
    for role, policies in var.installation.managed_options : {
      for name, options in policies : "${role}-${name}" => { role = role, options = options } if local.attached[name]
    }
  ]...)
  managed_statements = {
    for name, policy in local.managed : name => flatten([
      for option, statements in local.optional[policy.role] : statements if contains(policy.options, option)
    ])
  }
  managed_policies = {
    for name, statements in local.managed_statements : name => jsonencode({ Version = "2012-10-17", Statement = statements })
  }
}

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

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
  policy = local.inline[each.key]

  lifecycle {
    precondition {
      condition     = length(local.inline[each.key]) <= local.limits.inline
      error_message = "The policy of the role ${each.key} has ${length(local.inline[each.key])} characters, and IAM accepts ${local.limits.inline}. Use fewer or shorter data_buckets, output_locations, data_key_arns, model_source_accounts and glue_connections."
    }
  }

  # An update attaches what the inline policy no longer has, and then removes it.
  depends_on = [aws_iam_role_policy_attachment.this]
}

resource "aws_iam_policy" "this" {
  for_each = local.managed

  name   = "${var.installation.roles[each.value.role].name}-${trimprefix(each.key, "${each.value.role}-")}"
  policy = local.managed_policies[each.key]
  tags   = var.tags

  lifecycle {
    precondition {
      condition     = length(local.managed_statements[each.key]) > 0
      error_message = "enforce_job_settings has nothing to enforce. Set job_subnet_ids, job_network_isolation, job_encrypt_traffic, job_instance_types or a KMS key, or leave enforce_job_settings false."
    }

    precondition {
      condition     = length(local.managed_policies[each.key]) <= local.limits.managed
      error_message = "The policy ${each.key} has ${length(local.managed_policies[each.key])} characters, and IAM accepts ${local.limits.managed}. Use fewer or shorter data_buckets, output_locations, data_key_arns, model_source_accounts and job_instance_types, such as the pattern ml.m5.*."
    }
  }
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = local.managed

  role       = aws_iam_role.this[each.value.role].name
  policy_arn = aws_iam_policy.this[each.key].arn
}
