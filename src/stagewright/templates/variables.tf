# Their values are in envs/. Every other variable of the module can be given in main.tf.

variable "environment" {
  description = "dev, uat or prod."
  type        = string
}

variable "prefix" {
  description = "Begins the name of every resource."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket: code, releases and what runs write. Each environment has its own."
  type        = string
}

variable "create_bucket" {
  description = "Whether the bucket is made here; false: it exists."
  type        = bool
}

variable "region" {
  description = "Region of the installation."
  type        = string
}

variable "push" {
  description = "Whether an apply pushes pipelines/. Where it is false, releases come by `stagewright promote`."
  type        = bool
}

variable "account_id" {
  description = "The account; an apply in any other is refused. null: whichever the credentials are of."
  type        = string
  default     = null
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

variable "powertools_layer_arn" {
  description = "A Powertools layer of your own, for regions where none is published."
  type        = string
  default     = null
}

variable "notification_emails" {
  description = "Who is told that a run failed."
  type        = list(string)
  default     = []
}

variable "alarm_emails" {
  description = "Who is on call."
  type        = list(string)
  default     = []
}

variable "@{commit}" {
  description = "The commit that is pushed, for the lineage: @{commit_from}."
  type        = string
  default     = ""
}
