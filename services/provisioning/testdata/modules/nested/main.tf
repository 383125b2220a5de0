variable "key" {
  description = "A public key."
  type        = string
}

module "key" {
  source = "./modules/key"
  key    = var.key
}

output "id" {
  description = "The key's id."
  value       = module.key.id
}
