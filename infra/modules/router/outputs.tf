output "functions" {
  description = "Short name of each function -> its name."
  value       = { for what, function in aws_lambda_function.this : what => function.function_name }
}

output "queues" {
  description = "Short name of each queue -> its URL."
  value       = { for what, queue in local.queues : what => queue.url }
}
