# One workspace for each environment, with this tag. The organization is TF_CLOUD_ORGANIZATION; in a run that a push
# started, both are Terraform Cloud's own.

terraform {
  cloud {
    workspaces {
      tags = ["stagewright"]
    }
  }
}
