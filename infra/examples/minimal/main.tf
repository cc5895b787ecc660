# A user's repository: one installation, and a push of every folder in pipelines/.

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

variable "bucket" {
  description = "Name of the bucket."
  type        = string
}

variable "region" {
  description = "Region of the installation."
  type        = string
  default     = "us-east-1"
}

variable "commit" {
  description = "The pushed commit: CI_COMMIT_SHA, or TFC_CONFIGURATION_VERSION_GIT_COMMIT_SHA."
  type        = string
  default     = ""
}

variable "pipelines" {
  description = "Folder that contains the pipelines' folders."
  type        = string
  default     = "pipelines"
}

provider "aws" {
  region = var.region
}

module "stagewright" {
  source = "../.."

  environment = var.environment
  bucket      = var.bucket
  region      = var.region
}

module "pipelines" {
  source   = "../../modules/pipeline"
  for_each = toset([for path in fileset(var.pipelines, "*/pipeline.yaml") : dirname(path)])

  folder       = "${var.pipelines}/${each.value}"
  installation = module.stagewright.installation
  commit       = var.commit
}

output "installation" {
  description = "For `stagewright --target`."
  value       = module.stagewright.installation
}
