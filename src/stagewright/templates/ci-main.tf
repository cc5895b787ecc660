# The roles of CI, with one state for each environment. An administrator applies this folder before CI runs, and again
# after an upgrade. CI cannot: its roles may not change each other.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = var.account_id == null ? null : [var.account_id]
}

# The same version as in ../main.tf.
module "ci" {
@{ci_module}

  environment          = var.environment
  prefix               = var.prefix
  bucket               = var.bucket
  create_bucket        = var.create_bucket
  push                 = var.push
  in_vpc               = length(var.subnet_ids) > 0
  kms_key_arn          = var.kms_key_arn
  data_buckets         = var.data_buckets
  output_locations     = var.output_locations
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
  create_providers     = @{create_providers}@{state}
@{trust}}

output "role_arns" {
  description = "Role -> its ARN."
  value       = module.ci.role_arns
}

output "subjects" {
  description = "Role -> the subjects of the tokens that may assume it."
  value       = module.ci.subjects
}
