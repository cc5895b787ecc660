# One installation of Stagewright. artifacts/installation.json describes its parts, for the local target as well; the
# modules define how each part is created. There is no build step: the artifacts are committed.

locals {
  artifacts = "${path.module}/../src/stagewright/artifacts"
  id        = "${var.prefix}-${var.environment}"

  # The placeholders of the artifacts: installation/template.py.
  values = {
    bucket          = var.bucket
    region          = data.aws_region.current.region
    account         = data.aws_caller_identity.current.account_id
    environment     = var.environment
    prefix          = var.prefix
    partition       = data.aws_partition.current.partition
    documents_table = "${local.id}-documents"
    runs_table      = "${local.id}-runs"
  }
  installation = jsondecode(templatefile("${local.artifacts}/installation.json", local.values))
  definition   = templatefile("${local.artifacts}/${local.installation.state_machine.definition}", local.values)

  # Settings of the functions: functions/environment.py reads them.
  settings = {
    STAGEWRIGHT_CODE_OVERRIDES = var.allow_code_overrides ? "yes" : "no"
    STAGEWRIGHT_BYPASS         = join(",", [for id, name in var.bypass_roles : "${id}=${name}"])
    STAGEWRIGHT_FOUR_EYES      = var.four_eyes ? "yes" : "no"
    STAGEWRIGHT_JOBS           = jsonencode(local.jobs)
  }

  # Settings of every job: stages/base/job_settings.py reads them. Without empty ones, because Lambda limits the environment.
  volume_key_arn = try(coalesce(var.job_volume_kms_key_arn, var.kms_key_arn), null)
  output_key_arn = try(coalesce(var.job_output_kms_key_arn, var.kms_key_arn), null)
  jobs = merge(
    { for name, values in {
      subnets         = var.job_subnet_ids
      security_groups = var.job_security_group_ids
      instance_types  = var.job_instance_types

      output_locations = var.output_locations
    } : name => values if length(values) > 0 },
    { for name, value in {
      network_isolation = var.job_network_isolation
      encrypt_traffic   = var.job_encrypt_traffic
    } : name => value if value },
    { for name, count in { max_concurrency = var.job_max_concurrency } : name => count if count > 0 },
    { for name, key in {
      kms_volume_key = local.volume_key_arn
      kms_output_key = local.output_key_arn
    } : name => key if key != null },
    { for name, tags in { tags = var.tags } : name => tags if length(tags) > 0 },
  )

  tags = merge(var.tags, { "stagewright:installation" = local.id, "stagewright:environment" = var.environment })
}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {
  lifecycle {
    postcondition {
      condition     = var.region == null || var.region == self.region
      error_message = "`region` is ${coalesce(var.region, "-")}, but the AWS provider works in ${self.region}. Give the provider that region."
    }
  }
}

module "storage" {
  source = "./modules/storage"

  installation               = local.installation
  create_bucket              = var.create_bucket
  manage_bucket_notification = var.manage_bucket_notification
  bucket_reader_accounts     = var.bucket_reader_accounts
  runs_retention_days        = var.runs_retention_days
  protect_data               = var.protect_data
  prices                     = var.prices
  kms_key_arn                = var.kms_key_arn
  tags                       = local.tags
}

module "documents" {
  source = "./modules/documents"

  installation = local.installation
  protect_data = var.protect_data
  kms_key_arn  = var.kms_key_arn
  tags         = local.tags
}

module "observability" {
  source = "./modules/observability"

  installation       = local.installation
  log_retention_days = var.log_retention_days
  alarm_thresholds   = var.alarm_thresholds
  emails             = { notifications = var.notification_emails, alarms = var.alarm_emails }
  kms_key_arn        = var.kms_key_arn
  tags               = local.tags
}

module "roles" {
  source = "./modules/roles"

  installation         = local.installation
  permissions_boundary = var.permissions_boundary
  in_vpc               = length(var.subnet_ids) > 0
  jobs                 = local.jobs
  enforce_job_settings = var.enforce_job_settings
  glue_connections     = var.glue_connections
  data_buckets         = var.data_buckets
  output_locations     = var.output_locations
  data_key_arns        = var.data_key_arns
  model_accounts       = var.model_source_accounts
  kms_key_arn          = var.kms_key_arn
  tags                 = local.tags
}

module "workflow" {
  source = "./modules/workflow"

  installation = local.installation
  definition   = local.definition
  connections  = var.glue_connections
  role_arns    = module.roles.arns
  log_groups   = module.observability.log_groups
  kms_key_arn  = var.kms_key_arn
  tags         = local.tags
}

module "router" {
  source = "./modules/router"

  installation       = local.installation
  archive            = "${local.artifacts}/functions.zip"
  role_arns          = module.roles.arns
  log_groups         = module.observability.log_groups
  layers             = var.powertools_layer_arn == null ? {} : { powertools = var.powertools_layer_arn }
  environment        = merge(local.settings, { STAGEWRIGHT_STATE_MACHINE = module.workflow.version_arn })
  subnet_ids         = var.subnet_ids
  security_group_ids = var.security_group_ids
  kms_key_arn        = var.kms_key_arn
  tags               = local.tags
}

module "accounts" {
  source = "./modules/accounts"

  installation   = local.installation
  id             = local.id
  event_accounts = var.event_accounts
  tags           = local.tags

  depends_on = [module.router]
}

module "registry" {
  source = "./modules/registry"

  groups          = var.model_groups
  reader_accounts = var.model_reader_accounts
  tags            = local.tags
}
