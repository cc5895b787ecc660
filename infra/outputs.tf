output "installation" {
  description = "Input of the pipeline module and the command line: the resources that a push writes to."
  value = {
    environment     = var.environment
    prefix          = var.prefix
    region          = data.aws_region.current.region
    account         = data.aws_caller_identity.current.account_id
    bucket          = module.storage.bucket
    documents_table = module.documents.tables["documents"]
  }

  # Complete the rules before a push: the manifest's event is sent once (the sweeper repairs missed ones for a day).
  depends_on = [module.router, module.workflow]

  precondition {
    condition     = local.installation.format == 1
    error_message = "installation.json has format ${local.installation.format}; these modules read format 1. Use the same release for both."
  }

  precondition {
    condition     = length(setsubtract(keys(var.alarm_thresholds), keys(local.installation.alarms))) == 0
    error_message = "alarm_thresholds contains unknown alarms: ${join(", ", setsubtract(keys(var.alarm_thresholds), keys(local.installation.alarms)))}. The alarms are ${join(", ", keys(local.installation.alarms))}."
  }
}

output "account_bus_arn" {
  description = "ARN of the event bus that the accounts of `event_accounts` send to; null: there is none."
  value       = module.accounts.bus_arn
}

output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = module.workflow.state_machine_arn
}

output "state_machine_version_arn" {
  description = "ARN of the version that was published last."
  value       = module.workflow.version_arn
}

output "functions" {
  description = "Short name of each function -> its name."
  value       = module.router.functions
}

output "queues" {
  description = "Short name of each queue -> its URL."
  value       = module.router.queues
}

output "topics" {
  description = "Short name of each topic -> its ARN: `notifications` for failed runs, `alarms`."
  value       = module.observability.topics
}

output "role_arns" {
  description = "Short name of each role -> its ARN; jobs run with `sagemaker`."
  value       = module.roles.arns
}

output "model_groups" {
  description = "Name of each model package group -> its ARN."
  value       = module.registry.groups
}

output "kms_key_statements" {
  description = "JSON statements for the policy of `kms_key_arn`: they allow the services that use the key for this installation, and the accounts that read its bucket."
  value = jsonencode(concat(
    [
      # Restricted by encryption context: KMS policies do not support aws:SourceAccount for EventBridge (SNS developer guide,
      # "Managing Amazon SNS encryption keys and costs"). The policies of queues and topics define who may send.
      {
        Sid       = "StagewrightEvents"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { StringEquals = { "kms:EncryptionContext:aws:sqs:arn" = [for queue in local.installation.queues : queue.arn] } }
      },
      {
        Sid       = "StagewrightAlarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "kms:EncryptionContext:aws:sns:topicArn" = local.installation.topics.alarms.arn } }
      },
      {
        Sid       = "StagewrightLogs"
        Effect    = "Allow"
        Principal = { Service = "logs.${data.aws_region.current.region}.${data.aws_partition.current.dns_suffix}" }
        Action    = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = [
          for group in local.installation.log_groups :
          "arn:${local.values.partition}:logs:${local.values.region}:${local.values.account}:log-group:${group.name}"
        ] } }
      },
      # For the log of an encrypted state machine (Step Functions developer guide, "Data at rest encryption").
      {
        Sid       = "StagewrightLogDelivery"
        Effect    = "Allow"
        Principal = { Service = "delivery.logs.amazonaws.com" }
        Action    = ["kms:Decrypt*"]
        Resource  = "*"
        Condition = { StringEquals = { "kms:EncryptionContext:SourceArn" = "arn:${local.values.partition}:logs:${local.values.region}:${local.values.account}:*" } }
      },
    ],
    [for statement in [
      {
        Sid       = "StagewrightReaders"
        Effect    = "Allow"
        Principal = { AWS = [for account in var.bucket_reader_accounts : "arn:${local.values.partition}:iam::${account}:root"] }
        Action    = ["kms:Decrypt"]
        Resource  = "*"
        Condition = { StringEquals = { "kms:ViaService" = "s3.${data.aws_region.current.region}.${data.aws_partition.current.dns_suffix}" } }
      },
    ] : statement if length(var.bucket_reader_accounts) > 0],
  ))
}
