# GitLab stores one state per environment@{state_addresses}

terraform {
  backend "http" {}
}
