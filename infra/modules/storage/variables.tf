variable "installation" {
  description = "Description of the installation: installation.json with its placeholders filled in. It has no type, because its parts are data that grows without a change here; the root module checks its format."
  type        = any
}

variable "create_bucket" {
  description = "Whether to create the bucket. An existing bucket is only looked up."
  type        = bool
  default     = true
}

variable "manage_bucket_notification" {
  description = "Whether to replace the notifications of an existing bucket by EventBridge alone."
  type        = bool
  default     = false
}

variable "bucket_reader_accounts" {
  description = "Accounts that may read releases and results, for promotion."
  type        = list(string)
  default     = []
}

variable "runs_retention_days" {
  description = "Days that outputs of runs (`runs/`) are kept; null: until you delete them."
  type        = number
  default     = null
}

variable "protect_data" {
  description = "Whether a destroy stops if the bucket is not empty."
  type        = bool
  default     = true
}

variable "prices" {
  description = "Content of the file of prices; null: none."
  type        = string
  default     = null
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
