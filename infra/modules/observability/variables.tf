variable "installation" {
  description = "What an installation consists of: installation.json with its placeholders filled in. It has no type, since its parts are data that grows without a change here; its format is checked in the root module."
  type        = any
}

variable "log_retention_days" {
  description = "How long logs are kept; null: as installation.json says."
  type        = number
  default     = null
}

variable "alarm_thresholds" {
  description = "Thresholds that differ from installation.json: name of the alarm -> value."
  type        = map(number)
  default     = {}
}

variable "emails" {
  description = "Short name of the topic -> addresses that it writes to. Each confirms its subscription."
  type        = map(list(string))
  default     = {}
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
