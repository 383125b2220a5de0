output "id" {
  description = "The note's id."
  value       = terraform_data.note.id
}

output "title" {
  description = "The title."
  value       = terraform_data.note.output.title
}

output "body" {
  description = "The text."
  value       = terraform_data.note.output.body
}

output "tags" {
  description = "The tags in order."
  value       = terraform_data.note.output.tags
}
