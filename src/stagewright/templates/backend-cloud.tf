# One workspace with this tag for each environment. TF_CLOUD_ORGANIZATION names the organization. In a run that a push
# starts, Terraform Cloud sets both.

terraform {
  cloud {
    workspaces {
      tags = ["stagewright"]
    }
  }
}
