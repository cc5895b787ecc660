output "log_groups" {
  description = "Name of each log group -> its ARN."
  value       = { for group in aws_cloudwatch_log_group.this : group.name => group.arn }
}

output "topics" {
  description = "Short name of each topic -> its ARN."
  value       = { for what, topic in aws_sns_topic.this : what => topic.arn }
}
