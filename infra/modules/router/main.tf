locals {
  # The ARN of each layer in this partition and region; null if none is published and none is given.
  layers = {
    for name, partitions in var.installation.layers : name => lookup(var.layers, name, try(
      partitions[data.aws_partition.current.partition][data.aws_region.current.region],
      partitions[data.aws_partition.current.partition]["*"],
      null,
    ))
  }

  queues = merge(aws_sqs_queue.last, aws_sqs_queue.first)
  called = { for what, rule in var.installation.rules : what => rule if rule.target.kind == "function" }
}

data "aws_partition" "current" {}

data "aws_region" "current" {}

resource "aws_sqs_queue" "last" {
  for_each = { for what, queue in var.installation.queues : what => queue if queue.redrive == null }

  name                       = each.value.name
  visibility_timeout_seconds = each.value.visibility_timeout
  message_retention_seconds  = each.value.retention
  sqs_managed_sse_enabled    = var.kms_key_arn == null ? each.value.managed_encryption : null
  kms_master_key_id          = var.kms_key_arn
  tags                       = var.tags
}

# SQS rejects a queue whose dead-letter queue does not exist yet.
resource "aws_sqs_queue" "first" {
  for_each = { for what, queue in var.installation.queues : what => queue if queue.redrive != null }

  name                       = each.value.name
  visibility_timeout_seconds = each.value.visibility_timeout
  message_retention_seconds  = each.value.retention
  sqs_managed_sse_enabled    = var.kms_key_arn == null ? each.value.managed_encryption : null
  kms_master_key_id          = var.kms_key_arn
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = each.value.redrive.dead_letter_arn
    maxReceiveCount     = each.value.redrive.max_receives
  })

  depends_on = [aws_sqs_queue.last]
}

resource "aws_sqs_queue_policy" "this" {
  for_each = var.installation.queues

  queue_url = local.queues[each.key].url
  policy    = jsonencode(each.value.policy)
}

resource "aws_lambda_function" "this" {
  for_each = var.installation.functions

  function_name                  = each.value.name
  role                           = var.role_arns[each.value.role]
  filename                       = var.archive
  source_code_hash               = filebase64sha256(var.archive)
  handler                        = each.value.handler
  runtime                        = each.value.runtime
  architectures                  = [each.value.architecture]
  layers                         = compact([for name in each.value.layers : local.layers[name]])
  timeout                        = each.value.timeout
  memory_size                    = each.value.memory
  reserved_concurrent_executions = each.value.reserved_concurrency
  kms_key_arn                    = var.kms_key_arn
  tags                           = var.tags

  environment {
    variables = merge(each.value.environment, var.environment)
  }

  logging_config {
    log_format = "Text"
    log_group  = each.value.log_group
  }

  dynamic "vpc_config" {
    for_each = length(var.subnet_ids) > 0 ? [1] : []

    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  lifecycle {
    precondition {
      condition     = alltrue([for name in each.value.layers : local.layers[name] != null])
      error_message = "No Powertools layer is published in ${data.aws_region.current.region}. Publish your own (see docs/terraform.md) and set powertools_layer_arn to its ARN."
    }

    # The ARN of the state machine's version, with its name at most 240 characters, is not known in a plan.
    precondition {
      condition     = length(join("", [for name, value in merge(each.value.environment, var.environment) : "${name}${value}" if name != "STAGEWRIGHT_STATE_MACHINE"])) <= 4096 - 240
      error_message = "The settings of the functions are larger than the 4 KB that Lambda accepts. Use fewer or shorter tags, subnets or bypass_roles."
    }

    precondition {
      condition     = contains(keys(var.log_groups), each.value.log_group)
      error_message = "installation.json has no log group ${each.value.log_group}. Generate it again: python -m stagewright.installation"
    }
  }
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = var.installation.event_sources

  event_source_arn                   = local.queues[each.value.queue].arn
  function_name                      = aws_lambda_function.this[each.value.function].arn
  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = each.value.batching_window
  function_response_types            = each.value.function_response_types
  tags                               = var.tags
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = var.installation.rules

  name                = each.value.name
  description         = each.value.description
  event_pattern       = each.value.pattern == null ? null : jsonencode(each.value.pattern)
  schedule_expression = each.value.schedule
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = var.installation.rules

  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = "target"
  arn       = each.value.target.arn

  dynamic "dead_letter_config" {
    for_each = each.value.target.dead_letter_arn[*]

    content {
      arn = dead_letter_config.value
    }
  }

  depends_on = [aws_lambda_function.this, aws_sqs_queue_policy.this]
}

resource "aws_lambda_permission" "this" {
  for_each = local.called

  statement_id  = "event-rule-${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this[each.value.target.name].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this[each.key].arn
}
