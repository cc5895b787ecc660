output "bus_arn" {
  description = "ARN of the event bus of other accounts; null: there is none."
  value       = one(aws_cloudwatch_event_bus.this[*].arn)
}
