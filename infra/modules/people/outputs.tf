output "policy_arns" {
  description = "Short name of each policy -> its ARN: `viewer`, `data-scientist`, `approver`, `operator`, `push`, `doctor`."
  value       = { for name, policy in aws_iam_policy.this : name => policy.arn }
}

output "policies" {
  description = "Short name of each policy -> its JSON, for the permission sets of IAM Identity Center."
  value       = local.policies
}

output "service_control_policy" {
  description = "JSON of a service control policy for the account; null without `administrators`, who could not work otherwise."
  value       = length(var.administrators) > 0 ? jsonencode(local.guardrails) : null

  precondition {
    condition     = length(jsonencode(local.guardrails)) <= 5120
    error_message = "The service control policy has ${length(jsonencode(local.guardrails))} characters, and AWS Organizations accepts 5120. Use fewer administrators, with patterns such as arn:aws:iam::*:role/admin/*."
  }
}
