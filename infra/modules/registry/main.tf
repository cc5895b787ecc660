locals {
  shared  = length(var.reader_accounts) > 0 ? var.groups : {}
  readers = [for account in var.reader_accounts : "arn:${data.aws_partition.current.partition}:iam::${account}:root"]
}

data "aws_partition" "current" {}

resource "aws_sagemaker_model_package_group" "this" {
  for_each = var.groups

  model_package_group_name        = each.key
  model_package_group_description = each.value
  tags                            = var.tags
}

# From SageMaker's guide (registry, "Deploy a model version from a different account").
resource "aws_sagemaker_model_package_group_policy" "this" {
  for_each = local.shared

  model_package_group_name = aws_sagemaker_model_package_group.this[each.key].model_package_group_name
  resource_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Group"
        Effect    = "Allow"
        Principal = { AWS = local.readers }
        Action    = ["sagemaker:DescribeModelPackageGroup", "sagemaker:ListModelPackages"]
        Resource  = aws_sagemaker_model_package_group.this[each.key].arn
      },
      {
        Sid       = "Packages"
        Effect    = "Allow"
        Principal = { AWS = local.readers }
        Action    = ["sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages", "sagemaker:CreateModel"]
        Resource  = "${replace(aws_sagemaker_model_package_group.this[each.key].arn, ":model-package-group/", ":model-package/")}/*"
      },
    ]
  })
}
