variable "environment" {
  description = "Name of the environment, as in the installation."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.environment))
    error_message = "An environment name has 1 to 16 lower-case letters, digits and hyphens and begins with a letter."
  }
}

variable "prefix" {
  description = "Prefix of the installation's names."
  type        = string
  default     = "stagewright"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.prefix))
    error_message = "The prefix \"${var.prefix}\" is not valid: use 1 to 20 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "bucket" {
  description = "Bucket of the installation."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "\"${var.bucket}\" is not a valid bucket name: use 3 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "gitlab" {
  description = "The GitLab project: `url` of the server; `project_id` (Settings > General); `branch`, which is protected and applied; `plan_branches`, more branches whose jobs may plan; `deployment_tier` of the environment in `.gitlab-ci.yml`; `receives_promotions`; `promotes_to`, the tier of the environment that releases are promoted to; `protected_environments`, false if the GitLab server has none. null: not GitLab."
  type = object({
    url                    = string
    project_id             = number
    branch                 = optional(string, "main")
    plan_branches          = optional(list(string), [])
    deployment_tier        = optional(string)
    receives_promotions    = optional(bool, false)
    promotes_to            = optional(string)
    protected_environments = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.gitlab == null || can(regex("^https://[a-z0-9.-]+(/[A-Za-z0-9._-]+)*$", var.gitlab.url))
    error_message = "gitlab.url must be the address of the GitLab server without a slash at its end, such as https://gitlab.example.com (CI_SERVER_URL). IAM accepts no port in it."
  }

  validation {
    condition     = var.gitlab == null || try(var.gitlab.project_id > 0 && floor(var.gitlab.project_id) == var.gitlab.project_id, false)
    error_message = "gitlab.project_id must be the number of the project: Settings > General > Project ID."
  }

  validation {
    condition     = var.gitlab == null || can(regex("^[^*?:[:space:]]+$", var.gitlab.branch))
    error_message = "gitlab.branch must be one branch, without wildcards. Only `plan_branches` may have them."
  }

  validation {
    condition     = var.gitlab == null || alltrue([for name in try(var.gitlab.plan_branches, []) : can(regex("^[^:[:space:]]+$", name))])
    error_message = "gitlab.plan_branches must be names of branches or patterns with *, without colons and blanks."
  }

  validation {
    condition = var.gitlab == null || alltrue([
      for tier in compact([try(var.gitlab.deployment_tier, null), try(var.gitlab.promotes_to, null)]) :
      contains(["production", "staging", "testing", "development", "other"], tier)
    ])
    error_message = "GitLab's deployment tiers are production, staging, testing, development and other."
  }
}

variable "terraform_cloud" {
  description = "The workspace that runs Terraform: `organization`, `project`, `workspace`, `hostname`. null: GitLab runs Terraform."
  type = object({
    organization = string
    workspace    = string
    project      = optional(string, "Default Project")
    hostname     = optional(string, "app.terraform.io")
  })
  default = null

  validation {
    condition = var.terraform_cloud == null || alltrue([
      for name in try([var.terraform_cloud.organization, var.terraform_cloud.workspace, var.terraform_cloud.project], []) :
      can(regex("^[^*?:]+$", name))
    ])
    error_message = "terraform_cloud needs the exact names of organization, project and workspace, without wildcards."
  }

  validation {
    condition     = var.terraform_cloud == null || can(regex("^[a-z0-9.-]+$", var.terraform_cloud.hostname))
    error_message = "terraform_cloud.hostname must be a host such as app.terraform.io."
  }

  validation {
    condition     = var.terraform_cloud != null || var.gitlab != null
    error_message = "Set gitlab, terraform_cloud, or both. Without either, no role would have a trust."
  }
}

variable "create_providers" {
  description = "Whether to create the identity providers of GitLab and Terraform Cloud. An account has one of each, so only one environment of an account creates them."
  type        = bool
  default     = true
}

variable "create_bucket" {
  description = "Whether Terraform creates the installation's bucket."
  type        = bool
  default     = true
}

variable "push" {
  description = "Whether an apply pushes pipelines (modules/pipeline)."
  type        = bool
  default     = false
}

variable "state_bucket" {
  description = "Bucket of Terraform's state, with the key stagewright/<environment>.tfstate; null: GitLab or Terraform Cloud stores the state."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "KMS key of the installation; null: none."
  type        = string
  default     = null
}

variable "in_vpc" {
  description = "Whether the installation has `subnet_ids`."
  type        = bool
  default     = false
}

variable "model_groups" {
  description = "Whether the installation has `model_groups`."
  type        = bool
  default     = false
}

variable "event_accounts" {
  description = "Whether the installation has `event_accounts`."
  type        = bool
  default     = false
}

variable "data_buckets" {
  description = "`data_buckets` of the installation, and the buckets of its output locations: the boundary of its roles allows both."
  type        = list(string)
  default     = []
}

variable "output_locations" {
  description = "`output_locations` of the installation: its jobs may write to them."
  type        = list(string)
  default     = []
}

variable "data_key_arns" {
  description = "`data_key_arns` of the installation, and other keys of volumes and outputs of jobs: the boundary of its roles allows them."
  type        = list(string)
  default     = []
}

variable "model_source_accounts" {
  description = "`model_source_accounts` of the installation."
  type        = list(string)
  default     = []
}

variable "permissions_boundary" {
  description = "ARN of your organization's permissions boundary, for the roles of CI and those of the installation; null: this module creates one for the roles of the installation."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "permissions_boundary must be the ARN of a policy: arn:aws:iam::<account>:policy/<name>."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
