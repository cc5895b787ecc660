# GitLab stores one state per environment. .gitlab-ci.yml sets the addresses (TF_HTTP_ADDRESS and the others).

terraform {
  backend "http" {}
}
