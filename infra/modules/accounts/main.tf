locals {
  # The patterns are those of the default bus, for one account and the names that it may use. A request of another
  # account always runs the current release.
  rules = merge([
    for account, may in var.event_accounts : {
      for what, rule in {
        approvals = {
          of     = "model-approval"
          names  = may.approvals
          detail = { ModelPackageGroupName = may.approvals }
        }
        runs = {
          of     = "manual"
          names  = may.runs
          detail = { pipeline = may.runs, version = [{ exists = false }], revision = [{ exists = false }] }
        }
      } : "${account}-${what}" => merge(rule, { account = account }) if length(rule.names) > 0
    }
  ]...)
  patterns = {
    for name, rule in local.rules : name => merge(var.installation.rules[rule.of].pattern, {
      account = [rule.account]
      detail  = merge(var.installation.rules[rule.of].pattern.detail, rule.detail)
    })
  }
  bus = length(var.event_accounts) > 0 ? 1 : 0
}

# A bus of its own: on the default bus, the events of these accounts could match the rules of others.
resource "aws_cloudwatch_event_bus" "this" {
  count = local.bus
  name  = "${var.id}-accounts"
  tags  = var.tags
}

resource "aws_cloudwatch_event_permission" "this" {
  for_each = var.event_accounts

  event_bus_name = aws_cloudwatch_event_bus.this[0].name
  statement_id   = "${var.id}-${each.key}"
  principal      = each.key
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  event_bus_name = aws_cloudwatch_event_bus.this[0].name
  name           = "${var.id}-${each.key}"
  description    = "Account ${each.value.account}: ${var.installation.rules[each.value.of].description}"
  event_pattern  = jsonencode(local.patterns[each.key])
  tags           = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.rules

  event_bus_name = aws_cloudwatch_event_bus.this[0].name
  rule           = aws_cloudwatch_event_rule.this[each.key].name
  target_id      = "target"
  arn            = var.installation.queues.events.arn

  dead_letter_config {
    arn = var.installation.queues["events-dead"].arn
  }
}
