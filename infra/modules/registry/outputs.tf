output "groups" {
  description = "Name of each model package group -> its ARN."
  value       = { for name, group in aws_sagemaker_model_package_group.this : name => group.arn }
}
