variable "installation" {
  description = "Description of the installation: installation.json with its placeholders filled in. It has no type, because its parts are data that grows without a change here; the root module checks its format."
  type        = any
}

variable "id" {
  description = "Prefix and environment, with a hyphen."
  type        = string
}

variable "event_accounts" {
  description = "Account ID -> `approvals`: model package groups whose approvals it may forward; `runs`: pipelines that it may start."
  type = map(object({
    approvals = optional(list(string), [])
    runs      = optional(list(string), [])
  }))
  default = {}
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
