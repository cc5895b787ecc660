output "tables" {
  description = "Short name of each table -> its name."
  value       = { for what, table in aws_dynamodb_table.this : what => table.name }
}
