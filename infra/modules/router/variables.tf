variable "installation" {
  description = "What an installation consists of: installation.json with its placeholders filled in. It has no type, since its parts are data that grows without a change here; its format is checked in the root module."
  type        = any
}

variable "archive" {
  description = "Path of the functions' archive."
  type        = string
}

variable "role_arns" {
  description = "Short name of each role -> its ARN."
  type        = map(string)
}

variable "log_groups" {
  description = "Name of each log group -> its ARN. Functions are made after them, or Lambda would make them."
  type        = map(string)
}

variable "layers" {
  description = "Layer ARNs of one's own, in place of the published ones: `{ powertools = \"arn:...\" }`."
  type        = map(string)
  default     = {}
}

variable "environment" {
  description = "Environment variables of every function, beside their own."
  type        = map(string)
  default     = {}
}

variable "subnet_ids" {
  description = "Subnets of the functions; empty: outside of any VPC."
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "Security groups of the functions, where they have subnets."
  type        = list(string)
  default     = []
}

variable "event_accounts" {
  description = "Accounts that may put events on this account's default bus, so as to ask for runs."
  type        = list(string)
  default     = []
}

variable "kms_key_arn" {
  description = "Key that encrypts what is stored; null: AWS's own keys."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
