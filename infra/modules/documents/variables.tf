variable "installation" {
  description = "What an installation consists of: installation.json with its placeholders filled in. It has no type, since its parts are data that grows without a change here; its format is checked in the root module."
  type        = any
}

variable "protect_data" {
  description = "Whether the tables are protected from deletion."
  type        = bool
  default     = true
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
