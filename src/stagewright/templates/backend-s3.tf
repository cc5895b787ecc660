# One state per environment: terraform init -backend-config=key=stagewright/@{state_name}dev.tfstate

terraform {
  backend "s3" {
    bucket       = "@{state_bucket}"
    region       = "@{region}"
    use_lockfile = true # needs Terraform 1.10; before, use dynamodb_table
  }
}
