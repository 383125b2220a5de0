terraform {
  required_providers {
    digitalocean = {
      source  = "digitalocean/digitalocean"
      version = ">= 1.20"
    }
  }
}

variable "keys" {
  description = "Public keys by name."
  type        = map(string)
}

resource "digitalocean_ssh_key" "key" {
  for_each   = var.keys
  name       = each.key
  public_key = each.value
}

output "ids" {
  description = "The keys' ids by name."
  value       = { for name, key in digitalocean_ssh_key.key : name => tostring(key.id) }
}
