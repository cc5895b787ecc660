# The values are in envs/, for infra/ and infra/ci/. Set other variables of the module in main.tf.

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

variable "job_subnet_ids" {
  description = "Subnets of jobs, models and endpoints. Empty: no VPC."
  type        = list(string)
  default     = []
}

variable "job_security_group_ids" {
  description = "Security groups of jobs, models and endpoints in the subnets."
  type        = list(string)
  default     = []
}

variable "job_network_isolation" {
  description = "Whether the containers of jobs and models have no network."
  type        = bool
  default     = false
}

variable "job_encrypt_traffic" {
  description = "Whether traffic between the containers of a job is encrypted."
  type        = bool
  default     = false
}

variable "job_instance_types" {
  description = "Instance types that stages may use, such as ml.m5.*. Empty: all."
  type        = list(string)
  default     = []
}

variable "enforce_job_settings" {
  description = "Whether IAM denies jobs, models and endpoints without these settings."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "KMS key of stored data, and of volumes and outputs of jobs. null: AWS's own keys."
  type        = string
  default     = null
}

variable "permissions_boundary" {
  description = "Your organization's permissions boundary of every role. null: the one that ci/ creates."
  type        = string
  default     = null
}

variable "data_buckets" {
  description = "Names of other buckets that pipelines read."
  type        = list(string)
  default     = []
}

variable "output_locations" {
  description = "Folders that jobs may write to, besides the installation's own: s3://<bucket>/<folder>/."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of every resource, also of those that runs create."
  type        = map(string)
  default     = {}
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
