output "names" {
  description = "The items' names in order."
  value       = sort([for name, item in terraform_data.item : name])
}

output "replicas" {
  description = "All replicas together."
  value       = sum(concat([0], [for item in terraform_data.item : item.output.replicas]))
}

output "zones" {
  description = "Each item's zone, by name."
  value       = { for name, item in terraform_data.item : name => item.output.zone }
}

output "credential" {
  description = "The hash of the password; null without one."
  value       = one(terraform_data.credential[*].output)
  sensitive   = true
}
