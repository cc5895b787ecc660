variable "groups" {
  description = "Model package groups to make ahead of the first run: name -> description. Runs make those that are missing."
  type        = map(string)
  default     = {}
}

variable "reader_accounts" {
  description = "Accounts that may read the groups' packages and make models of them."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
