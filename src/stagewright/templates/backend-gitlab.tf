# The state is GitLab's, one for each environment: .gitlab-ci.yml sets the addresses (TF_HTTP_ADDRESS and the others).

terraform {
  backend "http" {}
}
