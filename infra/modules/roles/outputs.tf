output "arns" {
  description = "Short name of each role -> its ARN, once it has its policy: what uses a role is checked against it."
  value       = { for what, role in aws_iam_role.this : what => role.arn }

  depends_on = [aws_iam_role_policy.this]
}
