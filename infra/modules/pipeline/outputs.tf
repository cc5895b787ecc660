output "name" {
  description = "Name of the pipeline."
  value       = local.name
}

output "manifest_version" {
  description = "Version id of the manifest: the run that it started has the trigger key code:<name>:<version id>."
  value       = aws_s3_object.manifest.version_id
}
