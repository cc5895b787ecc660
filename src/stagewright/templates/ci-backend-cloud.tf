# A workspace with this tag for each environment, with the execution mode Local: it keeps the state, and you apply with
# your own credentials.

terraform {
  cloud {
    workspaces {
      tags = ["stagewright-ci"]
    }
  }
}
