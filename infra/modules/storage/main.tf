locals {
  bucket = var.installation.bucket
  made   = var.create_bucket ? 1 : 0

  lifecycle = concat(
    [{ id = "abort-multipart", prefix = "", abort_days = local.bucket.abort_multipart_days, days = null, noncurrent_days = null }],
    [for prefix, days in local.bucket.noncurrent_days :
      { id = "old-${trim(prefix, "/")}", prefix = prefix, abort_days = null, days = null, noncurrent_days = days }
    ],
    # An expired object becomes a noncurrent version. Without removing that too, nothing would be freed.
    [for days in var.runs_retention_days[*] :
      { id = "runs", prefix = "runs/", abort_days = null, days = days, noncurrent_days = 1 }
    ],
  )

  arn      = "arn:${data.aws_partition.current.partition}:s3:::${local.bucket.name}"
  accounts = [for account in var.bucket_reader_accounts : "arn:${data.aws_partition.current.partition}:iam::${account}:root"]
  # What a promotion from this bucket reads (docs/environments.md), and registered models with the results of runs.
  shared = ["code", "manifests", "models", "releases", "runs", "staging"]
  readers = [for statement in [
    {
      Sid       = "ReaderAccountsList"
      Effect    = "Allow"
      Principal = { AWS = local.accounts }
      Action    = ["s3:ListBucket", "s3:ListBucketVersions"]
      Resource  = [local.arn]
      Condition = { StringLike = { "s3:prefix" = [for folder in local.shared : "${folder}/*"] } }
    },
    {
      Sid       = "ReaderAccountsRegion"
      Effect    = "Allow"
      Principal = { AWS = local.accounts }
      Action    = ["s3:GetBucketLocation"]
      Resource  = [local.arn]
    },
    {
      Sid       = "ReaderAccountsRead"
      Effect    = "Allow"
      Principal = { AWS = local.accounts }
      Action    = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource  = [for folder in local.shared : "${local.arn}/${folder}/*"]
    },
  ] : statement if length(var.bucket_reader_accounts) > 0]
}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# S3 sends events to EventBridge in the bucket's own region.
data "aws_s3_bucket" "existing" {
  count  = var.create_bucket ? 0 : 1
  bucket = local.bucket.name

  lifecycle {
    postcondition {
      condition     = self.bucket_region == data.aws_region.current.region
      error_message = "The bucket ${local.bucket.name} is in ${self.bucket_region} and sends no events to ${data.aws_region.current.region}. Install in that region, or name a bucket in this one."
    }
  }
}

resource "aws_s3_bucket" "this" {
  count         = local.made
  bucket        = local.bucket.name
  force_destroy = !var.protect_data
  tags          = var.tags
}

resource "aws_s3_bucket_versioning" "this" {
  count  = local.made
  bucket = aws_s3_bucket.this[0].id

  versioning_configuration {
    status = local.bucket.versioning ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  count  = local.made
  bucket = aws_s3_bucket.this[0].id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? local.bucket.encryption : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  count                   = local.made
  bucket                  = aws_s3_bucket.this[0].id
  block_public_acls       = local.bucket.block_public_access
  block_public_policy     = local.bucket.block_public_access
  ignore_public_acls      = local.bucket.block_public_access
  restrict_public_buckets = local.bucket.block_public_access
}

resource "aws_s3_bucket_ownership_controls" "this" {
  count  = local.made
  bucket = aws_s3_bucket.this[0].id

  rule {
    object_ownership = local.bucket.object_ownership
  }
}

resource "aws_s3_bucket_policy" "this" {
  count  = local.made
  bucket = aws_s3_bucket.this[0].id
  policy = jsonencode(merge(local.bucket.policy, { Statement = concat(local.bucket.policy.Statement, local.readers) }))

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count  = local.made
  bucket = aws_s3_bucket.this[0].id

  dynamic "rule" {
    for_each = local.lifecycle

    content {
      id     = rule.value.id
      status = "Enabled"

      filter {
        prefix = rule.value.prefix
      }

      dynamic "abort_incomplete_multipart_upload" {
        for_each = rule.value.abort_days[*]

        content {
          days_after_initiation = abort_incomplete_multipart_upload.value
        }
      }

      dynamic "expiration" {
        for_each = rule.value.days[*]

        content {
          days = expiration.value
        }
      }

      dynamic "noncurrent_version_expiration" {
        for_each = rule.value.noncurrent_days[*]

        content {
          noncurrent_days = noncurrent_version_expiration.value
        }
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

# S3 keeps one notification configuration per bucket, and this resource writes all of it. Other topics, queues and
# functions would be removed (S3 API, PutBucketNotificationConfiguration: "replaces the existing notification
# configuration"). It is therefore managed for an existing bucket only on request.
resource "aws_s3_bucket_notification" "this" {
  count       = var.create_bucket || var.manage_bucket_notification ? 1 : 0
  bucket      = var.create_bucket ? aws_s3_bucket.this[0].id : data.aws_s3_bucket.existing[0].id
  eventbridge = local.bucket.eventbridge
}

# The router plans with these prices: runs/prices.py.
resource "aws_s3_object" "prices" {
  count        = var.prices == null ? 0 : 1
  bucket       = var.create_bucket ? aws_s3_bucket.this[0].id : data.aws_s3_bucket.existing[0].id
  key          = "staging/_prices.json"
  content_type = "application/json"
  content      = var.prices

  # Without the provider's default tags: an object has at most ten tags.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    precondition {
      condition     = jsondecode(var.prices).region == data.aws_region.current.region
      error_message = "`prices` are those of ${jsondecode(var.prices).region}, but this installation is in ${data.aws_region.current.region}. Run: stagewright prices update --region ${data.aws_region.current.region}"
    }
  }

  depends_on = [aws_s3_bucket_versioning.this, aws_s3_bucket_policy.this]
}
