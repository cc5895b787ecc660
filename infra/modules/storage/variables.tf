variable "installation" {
  description = "What an installation consists of: installation.json with its placeholders filled in. It has no type, since its parts are data that grows without a change here; its format is checked in the root module."
  type        = any
}

variable "create_bucket" {
  description = "Whether the bucket is made here. An existing one is only looked up."
  type        = bool
  default     = true
}

variable "manage_bucket_notification" {
  description = "Of an existing bucket: whether its notifications are replaced by EventBridge alone."
  type        = bool
  default     = false
}

variable "bucket_reader_accounts" {
  description = "Accounts whose principals may read releases and results, for promotion."
  type        = list(string)
  default     = []
}

variable "protect_data" {
  description = "Whether a destroy stops at a bucket that is not empty."
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
