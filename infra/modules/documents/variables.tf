variable "installation" {
  description = "Description of the installation: installation.json with its placeholders filled in. It has no type, because its parts are data that grows without a change here; the root module checks its format."
  type        = any
}

variable "protect_data" {
  description = "Whether the tables are protected from deletion."
  type        = bool
  default     = true
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
