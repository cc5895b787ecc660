output "name" {
  description = "Name of the pipeline."
  value       = local.name
}

output "manifest_version" {
  description = "Version id of the manifest. The trigger key of its run is code:<name>:<version id>."
  value       = aws_s3_object.manifest.version_id
}
