# A push: the code files, an announcement of the documents, the documents, and last the manifest, whose event starts
# the run. Unchanged files are not written. If nothing changed, neither is the manifest.

locals {
  document = yamldecode(file("${var.folder}/pipeline.yaml"))
  name     = local.document.name
  code     = "${var.folder}/${try(local.document.code, "code")}"
  overlay  = "${var.folder}/environments/${var.installation.environment}.yaml"

  # The same files as `stagewright push` uploads: runs/releases/code_folder.py.
  paths = toset([
    for path in fileset(local.code, "**") : path
    if !can(regex("(^|/)([.]|__pycache__/)", path)) && !endswith(path, ".pyc")
  ])
  base64 = { for path in local.paths : path => filebase64("${local.code}/${path}") }
  files = {
    for path, text in local.base64 : path => {
      sha256 = filesha256("${local.code}/${path}")
      # Terraform has no function for this: base64 has four characters for three bytes, padded with `=`.
      size = length(text) / 4 * 3 - length(regexall("=", text))
    }
  }

  # The same bytes as document/canonical_json.py, so that both ways of pushing give the same hash.
  documents = merge(
    { base = jsonencode(local.document) },
    fileexists(local.overlay) ? { environment = jsonencode(yamldecode(file(local.overlay))) } : {},
  )
  sha256 = { for item, text in local.documents : item => sha256(text) }

  content = { files = local.files, documents = local.sha256 }
}

resource "aws_s3_object" "file" {
  for_each = local.paths

  bucket = var.installation.bucket
  key    = "staging/${local.name}/${each.value}"
  source = "${local.code}/${each.value}"
  # Not `etag`: it is no MD5 if a KMS key encrypts the bucket.
  source_hash = local.files[each.value].sha256

  # Without the provider's default tags: an object has at most ten tags.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    # A removed file is deleted after the manifest that no longer lists it.
    create_before_destroy = true

    postcondition {
      condition     = !contains(["", "null"], coalesce(self.version_id, "null"))
      error_message = "The bucket ${var.installation.bucket} keeps no versions, which releases need. Enable versioning: docs/terraform.md, \"An existing bucket\"."
    }
  }
}

# While the documents are written and the manifest is not, it shows that they come from a push:
# runs/releases/released_layers.py.
resource "aws_s3_object" "announcement" {
  bucket       = var.installation.bucket
  key          = "staging/${local.name}.json"
  content_type = "application/json"
  content      = jsonencode(merge({ environment = "", format = 1 }, local.sha256))

  override_provider {
    default_tags {
      tags = {}
    }
  }

  depends_on = [aws_s3_object.file]
}

# Copies for triggers and for people. A run uses those of the manifest.
resource "aws_dynamodb_table_item" "document" {
  for_each = local.documents

  table_name = var.installation.documents_table
  hash_key   = "pipeline"
  range_key  = "item"
  item = jsonencode({
    pipeline = { S = local.name }
    item     = { S = each.key }
    format   = { N = "1" }
    document = { S = each.value }
    sha256   = { S = local.sha256[each.key] }
  })

  depends_on = [aws_s3_object.announcement]
}

# The commit of the last push that changed something. A new `commit` alone changes nothing.
resource "terraform_data" "commit" {
  input            = var.commit
  triggers_replace = [sha256(jsonencode(local.content))]

  lifecycle {
    ignore_changes = [input]
  }
}

resource "aws_s3_object" "manifest" {
  bucket       = var.installation.bucket
  key          = "manifests/${local.name}.json"
  content_type = "application/json"
  content = jsonencode(merge(
    {
      format    = 1
      pipeline  = local.name
      document  = local.sha256.base
      documents = local.documents
      files = {
        for path, file in local.files : path => merge(file, { version = aws_s3_object.file[path].version_id })
      }
    },
    { for name, sha256 in local.sha256 : name => sha256 if name == "environment" },
    { for commit in [terraform_data.commit.output] : "commit" => commit if commit != "" },
  ))

  override_provider {
    default_tags {
      tags = {}
    }
  }

  depends_on = [aws_s3_object.file, aws_dynamodb_table_item.document]
}
