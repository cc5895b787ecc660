variable "environment" {
  description = "Name of this environment, one of `environments`. With `prefix` it begins the name of every resource."
  type        = string

  validation {
    condition     = contains(var.environments, var.environment)
    error_message = "There is no environment \"${var.environment}\". Choose one of ${join(", ", var.environments)}, or add it to `environments`."
  }
}

variable "environments" {
  description = "The environments that there are, so that a misspelt one is refused and makes no second installation."
  type        = list(string)
  default     = ["dev", "uat", "prod"]

  validation {
    condition     = alltrue([for name in var.environments : can(regex("^[a-z][a-z0-9-]{0,15}$", name)) && name != "local"])
    error_message = "An environment's name has 1 to 16 lower-case letters, digits and hyphens, the first a letter; `local` is the laptop's."
  }
}

variable "prefix" {
  description = "Begins the name of every resource, so that several installations fit into one account."
  type        = string
  default     = "stagewright"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.prefix))
    error_message = "The prefix \"${var.prefix}\" is not usable: 1 to 20 lower-case letters, digits and hyphens, the first a letter (names of roles have at most 64 characters)."
  }
}

variable "bucket" {
  description = "Name of the bucket: code, manifests, releases and what runs write. Each environment has its own."
  type        = string

  validation {
    condition     = var.bucket == lower(var.bucket)
    error_message = "The bucket name \"${var.bucket}\" has capitals, which S3 does not allow. Try \"${lower(var.bucket)}\"."
  }

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", lower(var.bucket)))
    error_message = "\"${var.bucket}\" is not usable as a bucket name: 3 to 63 lower-case letters, digits and hyphens, a letter or digit at both ends (dots would break TLS)."
  }
}

variable "region" {
  description = "Region of the installation. It must be the provider's; null: the provider's, whatever it is."
  type        = string
  default     = null
}

variable "create_bucket" {
  description = "Whether the bucket is made here. For an existing one set it to false, and see docs/terraform.md."
  type        = bool
  default     = true
}

variable "manage_bucket_notification" {
  description = "Of an existing bucket: whether EventBridge is switched on here. Every other notification of the bucket is removed by that."
  type        = bool
  default     = false
}

variable "protect_data" {
  description = "Whether bucket and tables are protected from deletion. To destroy, set it to false and apply first."
  type        = bool
  default     = true
}

variable "powertools_layer_arn" {
  description = "Version ARN of a Powertools layer of one's own, for Python 3.12 on arm64; null: the published one."
  type        = string
  default     = null

  validation {
    condition     = var.powertools_layer_arn == null || can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", var.powertools_layer_arn))
    error_message = "powertools_layer_arn must be the ARN of a layer's version: arn:aws:lambda:<region>:<account>:layer:<name>:<version>."
  }
}

variable "subnet_ids" {
  description = "Subnets of the functions; empty: outside of any VPC. They need ways to S3, DynamoDB, SQS, Step Functions, SageMaker and SNS."
  type        = list(string)
  default     = []

  validation {
    condition     = (length(var.subnet_ids) > 0) == (length(var.security_group_ids) > 0)
    error_message = "subnet_ids and security_group_ids go together: give both, or neither."
  }
}

variable "security_group_ids" {
  description = "Security groups of the functions, where they have subnets."
  type        = list(string)
  default     = []
}

variable "kms_key_arn" {
  description = "Key that encrypts bucket, tables, queues, topics, logs, functions and state machine; null: AWS's own keys. Its policy must hold the output `kms_key_statements`."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (an alias does not do): arn:aws:kms:<region>:<account>:key/<id>."
  }
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds every role; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "permissions_boundary must be the ARN of a policy: arn:aws:iam::<account>:policy/<name>."
  }
}

variable "data_buckets" {
  description = "Names of other buckets that pipelines read."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.data_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", name))])
    error_message = "data_buckets are names of buckets, without s3:// and without a folder."
  }
}

variable "data_key_arns" {
  description = "Other keys that roles may decrypt with: those of `data_buckets`, and a former `kms_key_arn`, under which older objects and the tables lie."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for key in var.data_key_arns : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", key))])
    error_message = "data_key_arns must be ARNs of keys (an alias does not do): arn:aws:kms:<region>:<account>:key/<id>."
  }
}

variable "allow_code_overrides" {
  description = "Whether overrides, which are edited in the table, may also change what runs: images, code, raw requests."
  type        = bool
  default     = false
}

variable "model_groups" {
  description = "Model package groups to make ahead of the first run: name -> description. Runs make those that are missing."
  type        = map(string)
  default     = {}
}

variable "notification_emails" {
  description = "Who is told that a run failed."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.notification_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", address))])
    error_message = "notification_emails are addresses, as in oncall@example.com."
  }
}

variable "alarm_emails" {
  description = "Who is on call: told of every alarm."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", address))])
    error_message = "alarm_emails are addresses, as in oncall@example.com."
  }
}

variable "alarm_thresholds" {
  description = "Thresholds that differ from the usual ones: name of the alarm -> value, such as `{ stuck-runs = 172800 }`."
  type        = map(number)
  default     = {}
}

variable "log_retention_days" {
  description = "How long logs are kept; null: 90 days."
  type        = number
  default     = null
}

variable "event_accounts" {
  description = "Other accounts that may put events on this account's default bus, so as to ask for runs."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.event_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "event_accounts are account ids of twelve digits."
  }
}

variable "bucket_reader_accounts" {
  description = "Other accounts that may read releases and results, for promotion."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.bucket_reader_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "bucket_reader_accounts are account ids of twelve digits."
  }

  validation {
    condition     = var.create_bucket || length(var.bucket_reader_accounts) == 0
    error_message = "The policy of an existing bucket is not managed here. Let the accounts read in that bucket's own policy."
  }
}

variable "model_reader_accounts" {
  description = "Other accounts that may read the packages of `model_groups` and make models of them."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.model_reader_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "model_reader_accounts are account ids of twelve digits."
  }

  validation {
    condition     = length(var.model_reader_accounts) == 0 || length(var.model_groups) > 0
    error_message = "model_reader_accounts share what model_groups names, which is nothing. Groups that runs make are not shared: name them in model_groups."
  }
}

variable "model_source_accounts" {
  description = "Other accounts whose model packages are deployed here."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.model_source_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "model_source_accounts are account ids of twelve digits."
  }
}

variable "tags" {
  description = "Tags of every resource, beside `stagewright:installation` and `stagewright:environment`."
  type        = map(string)
  default     = {}
}
