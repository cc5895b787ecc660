variable "environment" {
  description = "Environment of the installation."
  type        = string
}

variable "bucket" {
  description = "Bucket of the installation."
  type        = string
}

variable "prefix" {
  description = "Prefix of the installation."
  type        = string
  default     = "stagewright"
}

variable "kms_key_arn" {
  description = "KMS key of the installation; null: none."
  type        = string
  default     = null
}

variable "data_key_arns" {
  description = "Other KMS keys that `data_key_arns` of the installation names."
  type        = list(string)
  default     = []
}

variable "data_buckets" {
  description = "Other buckets that pipelines read."
  type        = list(string)
  default     = []
}

variable "administrators" {
  description = "ARN patterns of the roles that the guardrails exempt: those of CI, and one for emergencies. They may not be empty if you attach the guardrails."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.administrators : can(regex("^arn:aws[a-z-]*:iam::[0-9*]+:role/.+$", arn))])
    error_message = "administrators must be ARN patterns of roles: arn:aws:iam::<account>:role/<name>."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
