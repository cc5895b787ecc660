locals {
  machine = var.installation.state_machine
}

resource "aws_sfn_state_machine" "this" {
  name       = local.machine.name
  type       = local.machine.type
  role_arn   = var.role_arns[local.machine.role]
  definition = var.definition
  publish    = local.machine.publish
  tags       = var.tags

  logging_configuration {
    level                  = local.machine.logging.level
    include_execution_data = local.machine.logging.include_execution_data
    log_destination        = "${var.log_groups[local.machine.logging.log_group]}:*"
  }

  # Always present: the provider keeps the old key if the block is missing, and the variable also controls the permissions.
  encryption_configuration {
    type       = var.kms_key_arn == null ? "AWS_OWNED_KEY" : "CUSTOMER_MANAGED_KMS_KEY"
    kms_key_id = var.kms_key_arn
  }
}

resource "aws_glue_job" "this" {
  for_each = try(var.installation.glue_jobs, {})

  name              = each.value.name
  role_arn          = var.role_arns[each.value.role]
  glue_version      = each.value.glue_version
  default_arguments = each.value.default_arguments
  max_capacity      = try(each.value.capacity.MaxCapacity, null)
  worker_type       = try(each.value.capacity.WorkerType, null)
  number_of_workers = try(each.value.capacity.NumberOfWorkers, null)
  connections       = length(var.connections) > 0 ? var.connections : null
  max_retries       = each.value.max_retries
  timeout           = each.value.timeout
  tags              = merge(var.tags, each.value.tags)

  command {
    name            = each.value.command
    python_version  = each.value.python_version
    script_location = each.value.script
  }

  execution_property {
    max_concurrent_runs = each.value.max_concurrent_runs
  }
}
