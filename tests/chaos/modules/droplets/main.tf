terraform {
  required_providers {
    digitalocean = {
      source  = "digitalocean/digitalocean"
      version = ">= 1.20"
    }
  }
}

variable "names" {
  description = "A droplet each."
  type        = set(string)
}

resource "digitalocean_droplet" "each" {
  for_each = var.names
  image    = "ubuntu-24-04-x64"
  name     = each.key
  region   = "lon1"
  size     = "s-1vcpu-1gb"
}

output "ids" {
  description = "The droplets' ids by name."
  value       = { for name, droplet in digitalocean_droplet.each : name => droplet.id }
}
