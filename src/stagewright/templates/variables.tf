# The values are in envs/. Set other variables of the module in main.tf.

variable "environment" {
  description = "dev, uat or prod."
  type        = string
}

variable "prefix" {
  description = "Prefix of every resource name."
  type        = string
}

variable "bucket" {
  description = "Bucket of code, releases and results. Each environment has its own."
  type        = string
}

variable "create_bucket" {
  description = "Whether to create the bucket. false: it exists."
  type        = bool
}

variable "region" {
  description = "Region of the installation."
  type        = string
}

variable "push" {
  description = "Whether an apply pushes pipelines/. If false, `stagewright promote` brings releases."
  type        = bool
}

variable "account_id" {
  description = "AWS account. An apply in another account is rejected. null: the account of the credentials."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Subnets of the functions. Empty: no VPC."
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "Security groups of the functions in the subnets."
  type        = list(string)
  default     = []
}

variable "powertools_layer_arn" {
  description = "ARN of your own Powertools layer, for regions without a published one."
  type        = string
  default     = null
}

variable "notification_emails" {
  description = "Email addresses that receive notices about failed runs."
  type        = list(string)
  default     = []
}

variable "alarm_emails" {
  description = "Email addresses that receive alarms."
  type        = list(string)
  default     = []
}

variable "@{commit}" {
  description = "Commit of the push, for the lineage: @{commit_from}."
  type        = string
  default     = ""
}
