# One state for each environment: terraform init -backend-config=key=stagewright/dev.tfstate

terraform {
  backend "s3" {
    bucket       = "@{state_bucket}"
    region       = "@{region}"
    use_lockfile = true # Terraform 1.10; before that: dynamodb_table
  }
}
