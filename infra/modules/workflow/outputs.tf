output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = aws_sfn_state_machine.this.arn
}

output "version_arn" {
  description = "ARN of the version that was published last."
  value       = aws_sfn_state_machine.this.state_machine_version_arn
}
