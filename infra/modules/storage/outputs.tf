output "bucket" {
  description = "Name of the bucket. Available after versioning and events are enabled."
  value       = var.create_bucket ? aws_s3_bucket.this[0].id : data.aws_s3_bucket.existing[0].id

  depends_on = [aws_s3_bucket_versioning.this, aws_s3_bucket_notification.this, aws_s3_bucket_policy.this]
}
