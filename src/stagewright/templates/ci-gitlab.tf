
  # project_id: Settings > General > Project ID. plan_branches: every branch plans dev; uat and prod are planned only on
  # the protected default branch.
  gitlab = {
    url                 = "@{gitlab_url}"
    project_id          = @{project_id}
    plan_branches       = var.environment == "dev" ? ["*"] : []
    receives_promotions = var.environment != "dev"
    promotes_to         = lookup({ dev = "staging", uat = "production" }, var.environment, null)
  }
