variable "installation" {
  description = "Description of the installation: installation.json with its placeholders filled in. It has no type, because its parts are data that grows without a change here; the root module checks its format."
  type        = any
}

variable "definition" {
  description = "The state machine's definition, as JSON text in Amazon States Language."
  type        = string
}

variable "connections" {
  description = "Names of the Glue connections of the Glue jobs."
  type        = list(string)
  default     = []
}

variable "role_arns" {
  description = "Short name of each role -> its ARN."
  type        = map(string)
}

variable "log_groups" {
  description = "Name of each log group -> its ARN."
  type        = map(string)
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
