variable "installation" {
  description = "Description of the installation: installation.json with its placeholders filled in. It has no type, because its parts are data that grows without a change here; the root module checks its format."
  type        = any
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary of every role; null: none."
  type        = string
  default     = null
}

variable "in_vpc" {
  description = "Whether the functions run in a VPC."
  type        = bool
  default     = false
}

variable "jobs" {
  description = "Settings of every job that are not empty: subnets, security_groups, network_isolation, encrypt_traffic, kms_volume_key, kms_output_key, instance_types, tags."
  type        = any
  default     = {}
}

variable "glue_connections" {
  description = "Names of the Glue connections of the Glue jobs."
  type        = list(string)
  default     = []
}

variable "enforce_job_settings" {
  description = "Whether the state machine's role denies jobs without these settings."
  type        = bool
  default     = false
}

variable "data_buckets" {
  description = "Names of other buckets that pipelines read."
  type        = list(string)
  default     = []
}

variable "output_locations" {
  description = "S3 URIs of the folders, besides the installation's own, that jobs may write to."
  type        = list(string)
  default     = []
}

variable "data_key_arns" {
  description = "Other KMS keys that roles may decrypt with."
  type        = list(string)
  default     = []
}

variable "model_accounts" {
  description = "Other accounts whose model packages are deployed here."
  type        = list(string)
  default     = []
}

variable "kms_key_arn" {
  description = "KMS key that encrypts stored data; null: AWS's own keys."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
