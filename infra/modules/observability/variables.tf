variable "installation" {
  description = "Description of the installation: installation.json with its placeholders filled in. It has no type, because its parts are data that grows without a change here; the root module checks its format."
  type        = any
}

variable "log_retention_days" {
  description = "Days that logs are kept; null: the value in installation.json."
  type        = number
  default     = null
}

variable "alarm_thresholds" {
  description = "Thresholds that differ from installation.json: alarm name -> value."
  type        = map(number)
  default     = {}
}

variable "emails" {
  description = "Short name of the topic -> its e-mail addresses. Each address must confirm its subscription."
  type        = map(list(string))
  default     = {}
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
