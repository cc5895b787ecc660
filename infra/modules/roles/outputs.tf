output "arns" {
  description = "Short name of each role -> its ARN. Available after the role has its policy, because AWS checks it when the role is used."
  value       = { for what, role in aws_iam_role.this : what => role.arn }

  depends_on = [aws_iam_role_policy.this]
}
