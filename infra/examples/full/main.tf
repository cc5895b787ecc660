# A whole installation of an organization: three accounts, a VPC, an own key, a boundary, tags, retention, alarms, models
# that the next account deploys. Apply it once in each account. examples/minimal is the smallest one.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

variable "environment" {
  description = "dev, uat or prod."
  type        = string
}

variable "accounts" {
  description = "Environment -> its AWS account."
  type        = map(string)
}

variable "region" {
  description = "Region of every account's installation."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of functions and jobs."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security groups of functions and jobs."
  type        = list(string)
}

variable "permissions_boundary" {
  description = "The organization's permissions boundary."
  type        = string
}

variable "commit" {
  description = "The pushed commit."
  type        = string
  default     = ""
}

variable "pipelines" {
  description = "Folder that contains the pipelines' folders."
  type        = string
  default     = "pipelines"
}

locals {
  before = { dev = [], uat = [var.accounts["dev"]], prod = [var.accounts["uat"]] }[var.environment]
  after  = { dev = [var.accounts["uat"]], uat = [var.accounts["prod"]], prod = [] }[var.environment]
  tags   = { "cost-center" = "4711", "data-class" = "internal" }
  pushed = var.environment == "dev" ? toset([for path in fileset(var.pipelines, "*/pipeline.yaml") : dirname(path)]) : toset([])
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.accounts[var.environment]]
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

module "stagewright" {
  source = "../.."

  environment = var.environment
  prefix      = "ml"
  bucket      = "acme-ml-${var.environment}"
  region      = var.region
  tags        = local.tags

  # Network and keys, also of jobs. IAM denies jobs without them.
  subnet_ids             = var.subnet_ids
  security_group_ids     = var.security_group_ids
  job_subnet_ids         = var.subnet_ids
  job_security_group_ids = var.security_group_ids
  job_encrypt_traffic    = true
  enforce_job_settings   = true
  kms_key_arn            = aws_kms_key.ml.arn
  permissions_boundary   = var.permissions_boundary

  # Data that pipelines read and write outside of the installation.
  data_buckets     = ["acme-lake"]
  output_locations = ["s3://acme-lake/predictions/${var.environment}/"]

  # The next environment promotes from here, and deploys the models that were approved here.
  bucket_reader_accounts = local.after
  model_reader_accounts  = local.after
  model_source_accounts  = local.before
  event_accounts         = { for account in local.before : account => { approvals = ["house-price"] } }
  model_groups           = { house-price = "Prices of houses" }

  # People.
  four_eyes           = var.environment == "prod"
  notification_emails = ["ml@example.com"]
  alarm_emails        = ["oncall@example.com"]
  alarm_thresholds    = { stuck-runs = 172800 }

  # How long things are kept.
  log_retention_days  = 365
  runs_retention_days = 180
}

module "pipelines" {
  source   = "../../modules/pipeline"
  for_each = local.pushed

  folder       = "${var.pipelines}/${each.value}"
  installation = module.stagewright.installation
  commit       = var.commit
}

resource "aws_kms_key" "ml" {
  description         = "Data of ml-${var.environment}"
  enable_key_rotation = true
  tags                = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      }],
      jsondecode(module.stagewright.kms_key_statements),
    )
  })
}

output "installation" {
  description = "For `stagewright --target`."
  value       = module.stagewright.installation
}
