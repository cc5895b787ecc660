
  terraform_cloud = {
    organization = "@{organization}"
    project      = "Default Project"
    workspace    = "stagewright-${var.environment}"
  }
