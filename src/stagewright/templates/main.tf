# An installation, and a push of every folder in pipelines/ that has a pipeline.yaml.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  # ci/ creates it. CI may create roles only with this boundary.
  boundary = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:policy/stagewright-ci/${var.prefix}-${var.environment}-boundary"

  prices    = "${path.module}/../prices/${var.region}.json"
  documents = fileset("${path.module}/../pipelines", "*/pipeline.yaml")
  pipelines = var.push ? toset([for document in local.documents : dirname(document)]) : toset([])
}

provider "aws" {
  region              = var.region
  allowed_account_ids = var.account_id == null ? null : [var.account_id]
}

# Terraform allows no variable in a source. To upgrade, change the version of both modules and of requirements.txt.
module "stagewright" {
@{module}

  environment        = var.environment
  prefix             = var.prefix
  bucket             = var.bucket
  create_bucket      = var.create_bucket
  region             = var.region
  subnet_ids         = var.subnet_ids
  security_group_ids = var.security_group_ids

  job_subnet_ids         = var.job_subnet_ids
  job_security_group_ids = var.job_security_group_ids
  job_network_isolation  = var.job_network_isolation
  job_encrypt_traffic    = var.job_encrypt_traffic
  job_instance_types     = var.job_instance_types
  enforce_job_settings   = var.enforce_job_settings

  kms_key_arn          = var.kms_key_arn
  permissions_boundary = coalesce(var.permissions_boundary, local.boundary)
  data_buckets         = var.data_buckets
  output_locations     = var.output_locations
  tags                 = var.tags

  powertools_layer_arn = var.powertools_layer_arn
  prices               = fileexists(local.prices) ? file(local.prices) : null
  notification_emails  = var.notification_emails
  alarm_emails         = var.alarm_emails
}

module "pipelines" {
@{pipeline_module}
  for_each = local.pipelines

  folder       = "${path.module}/../pipelines/${each.value}"
  installation = module.stagewright.installation
  commit       = var.@{commit}
}

output "installation" {
  description = "Settings of this environment for stagewright.toml."
  value       = module.stagewright.installation
}
