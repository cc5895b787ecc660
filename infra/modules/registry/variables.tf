variable "groups" {
  description = "Model package groups to create before the first run: name -> description. Runs create missing groups."
  type        = map(string)
  default     = {}
}

variable "reader_accounts" {
  description = "Accounts that may read the groups' packages and create models from them."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
