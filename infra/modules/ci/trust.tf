# Who may assume each role: the subjects of the tokens that GitLab and Terraform Cloud sign for their jobs.
# StringLike compares exactly where a subject has no `*`. A name of a branch cannot contain `*`, `?` or `:`.

locals {
  gitlab = var.gitlab[*]
  cloud  = var.terraform_cloud[*]

  issuers = merge(
    { for it in local.gitlab : trimprefix(it.url, "https://") => { url = it.url, audience = it.url } },
    { for it in local.cloud : it.hostname => { url = "https://${it.hostname}", audience = "aws.workload.identity" } },
  )

  # GitLab makes a subject of `project_id`, `ref_type`, `ref`, `ref_protected`, `environment_protected` and
  # `deployment_tier` (docs/gitlab.md). The last two are only in the subjects of jobs with an environment.
  tiers = { dev = "development", uat = "staging", prod = "production" }
  named = [for it in local.gitlab : {
    project  = "project_id:${it.project_id}:ref_type:branch:ref:"
    released = "project_id:${it.project_id}:ref_type:branch:ref:${it.branch}:ref_protected:true"
    deploys  = "project_id:${it.project_id}:ref_type:branch:ref:${it.branch}:ref_protected:true:environment_protected:${it.protected_environments}:deployment_tier:"
    tier     = coalesce(it.deployment_tier, lookup(local.tiers, var.environment, "other"))
    issuer   = trimprefix(it.url, "https://")
  }]
  in_gitlab = merge([for index, it in local.gitlab : {
    plan           = concat([local.named[index].released], [for branch in it.plan_branches : "${local.named[index].project}${branch}:ref_protected:*"])
    apply          = ["${local.named[index].deploys}${local.named[index].tier}"]
    promote        = [for tier in [local.named[index].tier] : "${local.named[index].deploys}${tier}" if it.receives_promotions]
    promote-source = [for tier in it.promotes_to[*] : "${local.named[index].deploys}${tier}"]
  }]...)
  in_cloud = merge([for it in local.cloud : {
    for phase in ["plan", "apply"] :
    phase => ["organization:${it.organization}:project:${it.project}:workspace:${it.workspace}:run_phase:${phase}"]
  }]...)

  # If Terraform Cloud runs Terraform, GitLab only promotes.
  trusts = merge(
    { for role, subjects in local.in_gitlab : role => { issuer = local.named[0].issuer, subjects = subjects } if length(subjects) > 0 },
    { for role, subjects in local.in_cloud : role => { issuer = local.cloud[0].hostname, subjects = subjects } },
  )
}
