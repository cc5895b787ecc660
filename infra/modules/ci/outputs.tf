output "role_arns" {
  description = "Role -> its ARN: `plan`, `apply`, and for promotions in GitLab `promote` and `promote-source`."
  value       = { for role, created in aws_iam_role.this : role => created.arn }

  precondition {
    condition     = local.ci.format == 1
    error_message = "ci.json has format ${local.ci.format}; this module reads format 1. Use the same release for both."
  }
}

output "subjects" {
  description = "Role -> the subjects that may assume it. Compare them with the `sub` of a job's token if AWS denies the job."
  value       = { for role, trust in local.trusts : role => trust.subjects }
}

output "permissions_boundary" {
  description = "ARN of the boundary of the installation's roles. Set it as the installation's `permissions_boundary`."
  value       = local.boundary
}
