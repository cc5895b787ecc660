locals {
  subscriptions = merge([
    for topic, addresses in var.emails : {
      for address in addresses : "${topic} ${address}" => { topic = topic, address = address }
    }
  ]...)
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = var.installation.log_groups

  name              = each.value.name
  retention_in_days = coalesce(var.log_retention_days, each.value.retention_days)
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_cloudwatch_log_metric_filter" "this" {
  for_each = var.installation.log_metrics

  name           = each.value.name
  log_group_name = aws_cloudwatch_log_group.this[each.value.log_group].name
  pattern        = each.value.pattern

  metric_transformation {
    namespace = each.value.namespace
    name      = each.value.metric
    value     = each.value.value
  }
}

resource "aws_sns_topic" "this" {
  for_each = var.installation.topics

  name              = each.value.name
  kms_master_key_id = var.kms_key_arn == null ? each.value.kms_key : var.kms_key_arn
  tags              = var.tags
}

resource "aws_sns_topic_policy" "this" {
  for_each = var.installation.topics

  arn    = aws_sns_topic.this[each.key].arn
  policy = jsonencode(each.value.policy)
}

resource "aws_sns_topic_subscription" "email" {
  for_each = local.subscriptions

  topic_arn = aws_sns_topic.this[each.value.topic].arn
  protocol  = "email"
  endpoint  = each.value.address
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = var.installation.alarms

  alarm_name          = each.value.name
  alarm_description   = "${each.value.description}. ${each.value.remedy}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = each.value.periods
  threshold           = lookup(var.alarm_thresholds, each.key, each.value.threshold)
  comparison_operator = each.value.comparison
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.this["alarms"].arn]
  ok_actions          = [aws_sns_topic.this["alarms"].arn]
  tags                = var.tags
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.installation.dashboard.name
  dashboard_body = jsonencode(var.installation.dashboard.body)
}
