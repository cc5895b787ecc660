variable "folder" {
  description = "Folder of the pipeline, with pipeline.yaml, its code folder, and environments/<environment>.yaml."
  type        = string

  validation {
    condition     = !startswith(var.folder, "/")
    error_message = "Give the folder relative to where Terraform runs, not ${var.folder}: another machine's path would look like another file, upload everything and start every pipeline."
  }

  validation {
    condition     = fileexists("${var.folder}/pipeline.yaml")
    error_message = "There is no ${var.folder}/pipeline.yaml."
  }

  validation {
    condition     = can(yamldecode(file("${var.folder}/pipeline.yaml")).name)
    error_message = "${var.folder}/pipeline.yaml has no `name`, or is not YAML. `stagewright validate` shows details."
  }
}

variable "installation" {
  description = "The output `installation` of the root module."
  type = object({
    bucket          = string
    documents_table = string
    environment     = string
  })
}

variable "commit" {
  description = "The pushed commit, recorded as lineage. A new commit alone starts no run."
  type        = string
  default     = ""
}
