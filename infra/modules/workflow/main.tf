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

  dynamic "encryption_configuration" {
    for_each = var.kms_key_arn[*]

    content {
      type       = "CUSTOMER_MANAGED_KMS_KEY"
      kms_key_id = encryption_configuration.value
    }
  }
}
