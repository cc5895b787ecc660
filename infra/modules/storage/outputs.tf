output "bucket" {
  description = "Name of the bucket, once it is versioned and sends its events."
  value       = var.create_bucket ? aws_s3_bucket.this[0].id : data.aws_s3_bucket.existing[0].id

  depends_on = [aws_s3_bucket_versioning.this, aws_s3_bucket_notification.this, aws_s3_bucket_policy.this]
}
