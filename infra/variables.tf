variable "environment" {
  description = "Name of this environment, one of `environments`. Every resource name begins with `prefix` and this name."
  type        = string

  validation {
    condition     = contains(var.environments, var.environment)
    error_message = "There is no environment \"${var.environment}\". Choose one of ${join(", ", var.environments)}, or add it to `environments`."
  }
}

variable "environments" {
  description = "All environments. A name that is not listed is rejected, so a misspelled one creates no second installation."
  type        = list(string)
  default     = ["dev", "uat", "prod"]

  validation {
    condition     = alltrue([for name in var.environments : can(regex("^[a-z][a-z0-9-]{0,15}$", name)) && name != "local"])
    error_message = "An environment name has 1 to 16 lower-case letters, digits and hyphens and begins with a letter; `local` is reserved for laptops."
  }
}

variable "prefix" {
  description = "Beginning of every resource name, so that an account can hold several installations."
  type        = string
  default     = "stagewright"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.prefix))
    error_message = "The prefix \"${var.prefix}\" is not valid: use 1 to 20 lower-case letters, digits and hyphens, beginning with a letter (role names have at most 64 characters)."
  }
}

variable "bucket" {
  description = "Name of the bucket for code, manifests, releases and outputs of runs. Each environment has its own."
  type        = string

  validation {
    condition     = var.bucket == lower(var.bucket)
    error_message = "The bucket name \"${var.bucket}\" has capital letters, which S3 does not allow. Try \"${lower(var.bucket)}\"."
  }

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", lower(var.bucket)))
    error_message = "\"${var.bucket}\" is not a valid bucket name: use 3 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends (dots would break TLS)."
  }
}

variable "region" {
  description = "Region of the installation. It must be the provider's region; null: the provider's region."
  type        = string
  default     = null
}

variable "create_bucket" {
  description = "Whether to create the bucket. For an existing bucket, set it to false and see docs/terraform.md."
  type        = bool
  default     = true
}

variable "manage_bucket_notification" {
  description = "Whether to enable EventBridge on an existing bucket. This removes every other notification of the bucket."
  type        = bool
  default     = false
}

variable "protect_data" {
  description = "Whether the bucket and the tables are protected from deletion. Before a destroy, set it to false and apply."
  type        = bool
  default     = true
}

variable "powertools_layer_arn" {
  description = "Version ARN of your own Powertools layer, for Python 3.12 on arm64; null: the published layer."
  type        = string
  default     = null

  validation {
    condition     = var.powertools_layer_arn == null || can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", var.powertools_layer_arn))
    error_message = "powertools_layer_arn must be the ARN of a layer version: arn:aws:lambda:<region>:<account>:layer:<name>:<version>."
  }
}

variable "subnet_ids" {
  description = "Subnets of the functions; empty: no VPC. They need routes to S3, DynamoDB, SQS, Step Functions, SageMaker, SageMaker Runtime and SNS."
  type        = list(string)
  default     = []

  validation {
    condition     = (length(var.subnet_ids) > 0) == (length(var.security_group_ids) > 0)
    error_message = "Set both subnet_ids and security_group_ids, or neither."
  }
}

variable "security_group_ids" {
  description = "Security groups of the functions, if they have subnets."
  type        = list(string)
  default     = []
}

variable "job_subnet_ids" {
  description = "Subnets of jobs, models and endpoints; empty: no VPC. They need routes to S3, ECR and CloudWatch Logs. A document may use some of them, and no others."
  type        = list(string)
  default     = []

  validation {
    condition     = (length(var.job_subnet_ids) > 0) == (length(var.job_security_group_ids) > 0)
    error_message = "Set both job_subnet_ids and job_security_group_ids, or neither."
  }

  validation {
    condition     = length(var.job_subnet_ids) <= 16 && length(var.job_security_group_ids) <= 5
    error_message = "A SageMaker job takes at most 16 subnets and 5 security groups."
  }
}

variable "job_security_group_ids" {
  description = "Security groups of jobs, models and endpoints, if they have subnets."
  type        = list(string)
  default     = []
}

variable "glue_connections" {
  description = "Names of your Glue connections of type NETWORK, in which the Glue jobs of the installation run; empty: no VPC."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.glue_connections : can(regex("^[^/*:]{1,255}$", name))])
    error_message = "glue_connections must be names of Glue connections, without slashes, colons and asterisks."
  }
}

variable "job_network_isolation" {
  description = "Whether the containers of jobs and models have no network. SageMaker itself still reads inputs and writes outputs. Training scripts cannot install requirements.txt then."
  type        = bool
  default     = false
}

variable "job_encrypt_traffic" {
  description = "Whether traffic between the containers of processing and tuning jobs is encrypted. Step Functions cannot set it for training jobs; those of several instances are rejected."
  type        = bool
  default     = false
}

variable "job_volume_kms_key_arn" {
  description = "KMS key of the volumes of jobs and endpoints; null: `kms_key_arn`. Instance types with local storage encrypt it themselves and take no key."
  type        = string
  default     = null

  validation {
    condition     = var.job_volume_kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.job_volume_kms_key_arn))
    error_message = "job_volume_kms_key_arn must be the ARN of a key, not of an alias: arn:aws:kms:<region>:<account>:key/<id>."
  }
}

variable "job_output_kms_key_arn" {
  description = "KMS key of the outputs of jobs and of captured data; null: `kms_key_arn`."
  type        = string
  default     = null

  validation {
    condition     = var.job_output_kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.job_output_kms_key_arn))
    error_message = "job_output_kms_key_arn must be the ARN of a key, not of an alias: arn:aws:kms:<region>:<account>:key/<id>."
  }
}

variable "job_instance_types" {
  description = "Instance types that stages may use, with `*` for any part: [\"ml.m5.*\", \"ml.g5.xlarge\"]; empty: all."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.job_instance_types : can(regex("^ml[.][a-z0-9*-]+[.][a-z0-9*-]+$", name))])
    error_message = "job_instance_types must be instance types or patterns of them, such as ml.m5.* or ml.g5.xlarge."
  }
}

variable "job_max_concurrency" {
  description = "The most stages of a run that run at the same time, whatever its document allows; 0: as the document says."
  type        = number
  default     = 0

  validation {
    condition     = var.job_max_concurrency >= 0 && var.job_max_concurrency <= 1600 && floor(var.job_max_concurrency) == var.job_max_concurrency
    error_message = "job_max_concurrency must be a whole number from 0 to 1600."
  }
}

variable "enforce_job_settings" {
  description = "Whether IAM denies jobs, models and endpoints that do not have the `job_...` settings of this installation. The planner rejects them in any case."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "KMS key that encrypts bucket, tables, queues, topics, logs, functions and state machine; null: AWS's own keys. Its policy must contain the output `kms_key_statements`."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key, not of an alias: arn:aws:kms:<region>:<account>:key/<id>."
  }
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary of every role; null: none."
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
    error_message = "data_buckets must be bucket names, without s3:// and without a folder."
  }
}

variable "output_locations" {
  description = "Folders that jobs may write to, besides the installation's own, as S3 URIs: s3://<bucket>/ or s3://<bucket>/<folder>/. Pipelines may read them as well. A plan with an output elsewhere is rejected."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for uri in var.output_locations : can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([A-Za-z0-9_.=/-]*/)?$", uri))])
    error_message = "output_locations must be folders that end in a slash, such as s3://lake/ or s3://lake/predictions/, with letters, digits and _ . = - only."
  }

  validation {
    condition = alltrue([
      for uri in var.output_locations : alltrue([
        for folder in ["staging/", "manifests/", "releases/", "code/", "models/", "glue/"] :
        !startswith("s3://${var.bucket}/${folder}", uri) && !startswith(uri, "s3://${var.bucket}/${folder}")
      ])
    ])
    error_message = "Jobs must not write to the folders staging, manifests, releases, code, models and glue of the installation's bucket. Name another folder, such as s3://${var.bucket}/predictions/."
  }
}

variable "data_key_arns" {
  description = "Other KMS keys that roles may decrypt with: those of `data_buckets` and `output_locations` (jobs also encrypt with the keys, if there are output locations), and a former `kms_key_arn` that encrypts older objects and the tables."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for key in var.data_key_arns : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", key))])
    error_message = "data_key_arns must be ARNs of keys, not of aliases: arn:aws:kms:<region>:<account>:key/<id>."
  }
}

variable "allow_code_overrides" {
  description = "Whether overrides, which people edit in the table, may also change the code that runs: images, code, raw requests."
  type        = bool
  default     = false
}

variable "bypass_roles" {
  description = "IAM roles that may run what a gate or an approval guards without it (stagewright run --bypass STAGE --reason TEXT): unique ID of the role -> its name, as the resource or data source aws_iam_role has them."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for id, name in var.bypass_roles : can(regex("^A[A-Z0-9]{15,127}$", id)) && can(regex("^[A-Za-z0-9_+.@-]+$", name))])
    error_message = "bypass_roles must map unique IDs to names, such as { AROAEXAMPLEEXAMPLE12 = \"operators\" }: { (data.aws_iam_role.operators.unique_id) = data.aws_iam_role.operators.name }."
  }
}

variable "four_eyes" {
  description = "Whether the person who pushed or started a run may not approve what it asks: its approval stages and the model versions that it registers."
  type        = bool
  default     = false
}

variable "prices" {
  description = "Content of the repository's file of prices for this region, prices/<region>.json (`stagewright prices update`); null: none. Without prices, plans and runs have no cost, and a document with `budget.money` needs `budget.prices`."
  type        = string
  default     = null

  validation {
    condition     = var.prices == null || try(jsondecode(var.prices).format == 1 && can(jsondecode(var.prices).region), false)
    error_message = "prices must be the content of a file that `stagewright prices update` wrote: file(\"prices/<region>.json\")."
  }
}

variable "model_groups" {
  description = "Model package groups to create before the first run: name -> description. Runs create missing groups."
  type        = map(string)
  default     = {}
}

variable "notification_emails" {
  description = "E-mail addresses that are notified when a run fails."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.notification_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", address))])
    error_message = "notification_emails must be e-mail addresses such as oncall@example.com."
  }
}

variable "alarm_emails" {
  description = "E-mail addresses of people on call, notified of every alarm."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", address))])
    error_message = "alarm_emails must be e-mail addresses such as oncall@example.com."
  }
}

variable "alarm_thresholds" {
  description = "Thresholds that differ from the defaults: alarm name -> value, such as `{ stuck-runs = 172800 }`."
  type        = map(number)
  default     = {}
}

variable "log_retention_days" {
  description = "Days that logs of the functions and the state machine are kept; null: 90."
  type        = number
  default     = null

  validation {
    condition = var.log_retention_days == null ? true : contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days
    )
    error_message = "log_retention_days must be a value that CloudWatch Logs accepts: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "runs_retention_days" {
  description = "Days that outputs and unregistered models of runs (`runs/` in the bucket) are kept; null: until you delete them. Later runs make an expired result again. An endpoint whose model is not registered needs its files as long as it serves."
  type        = number
  default     = null

  validation {
    condition     = var.runs_retention_days == null ? true : var.runs_retention_days >= 14 && floor(var.runs_retention_days) == var.runs_retention_days
    error_message = "runs_retention_days must be a whole number of days, at least 14: a run may wait for an approval for days, and then needs its own outputs."
  }

  validation {
    condition     = var.create_bucket || var.runs_retention_days == null
    error_message = "The lifecycle rules of an existing bucket are not managed. Add a rule for runs/ to the bucket itself."
  }
}

variable "event_accounts" {
  description = "Other accounts that may send events to the event bus `<prefix>-<environment>-accounts`: account ID -> `approvals`, the model package groups whose approvals they forward, and `runs`, the pipelines that they may start."
  type = map(object({
    approvals = optional(list(string), [])
    runs      = optional(list(string), [])
  }))
  default = {}

  validation {
    condition     = alltrue([for account in keys(var.event_accounts) : can(regex("^[0-9]{12}$", account))])
    error_message = "The keys of event_accounts must be account ids of twelve digits."
  }

  validation {
    condition     = alltrue([for may in values(var.event_accounts) : length(may.approvals) + length(may.runs) > 0])
    error_message = "Each account of event_accounts must name what it may send: { \"111122223333\" = { approvals = [\"house-price\"] } }."
  }

  validation {
    condition = alltrue(flatten([
      for may in values(var.event_accounts) : [for name in concat(may.approvals, may.runs) : can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,62}$", name))]
    ]))
    error_message = "event_accounts must name model package groups under `approvals` and pipelines under `runs`, without patterns."
  }
}

variable "bucket_reader_accounts" {
  description = "Other accounts that may read code, manifests, releases, models and results of runs, for promotion."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.bucket_reader_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "bucket_reader_accounts must be account ids of twelve digits."
  }

  validation {
    condition     = var.create_bucket || length(var.bucket_reader_accounts) == 0
    error_message = "The policy of an existing bucket is not managed. Allow these accounts in the bucket's own policy."
  }
}

variable "model_reader_accounts" {
  description = "Other accounts that may read the packages of `model_groups` and create models from them."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.model_reader_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "model_reader_accounts must be account ids of twelve digits."
  }

  validation {
    condition     = length(var.model_reader_accounts) == 0 || length(var.model_groups) > 0
    error_message = "model_reader_accounts needs model_groups: only groups listed there are shared, not groups that runs create."
  }
}

variable "model_source_accounts" {
  description = "Other accounts whose model packages are deployed here."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.model_source_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "model_source_accounts must be account ids of twelve digits."
  }
}

variable "tags" {
  description = "Tags of every resource, also of those that runs create, in addition to `stagewright:installation` and `stagewright:environment`."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:") && !startswith(lower(key), "stagewright:")])
    error_message = "Keys of tags that begin with aws: or stagewright: are reserved."
  }

  validation {
    condition     = alltrue([for key, value in var.tags : can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]{1,128}$", key)) && can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]{0,256}$", value))])
    error_message = "SageMaker accepts letters, digits, spaces and _ . : / = + - @ in tags: at most 128 characters of a key, 256 of a value."
  }
}
