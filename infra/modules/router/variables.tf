variable "installation" {
  description = "Description of the installation: installation.json with its placeholders filled in. It has no type, because its parts are data that grows without a change here; the root module checks its format."
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
  description = "Name of each log group -> its ARN. Functions are created after them; otherwise Lambda would create them."
  type        = map(string)
}

variable "layers" {
  description = "Your own layer ARNs, in place of the published ones: `{ powertools = \"arn:...\" }`."
  type        = map(string)
  default     = {}
}

variable "environment" {
  description = "Additional environment variables of every function."
  type        = map(string)
  default     = {}
}

variable "subnet_ids" {
  description = "Subnets of the functions; empty: no VPC."
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "Security groups of the functions, if they have subnets."
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
