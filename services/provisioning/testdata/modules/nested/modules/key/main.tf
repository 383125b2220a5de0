terraform {
  required_providers {
    digitalocean = {
      source = "digitalocean/digitalocean"
    }
  }
}

variable "key" {
  type = string
}

resource "digitalocean_ssh_key" "key" {
  name       = "nested"
  public_key = var.key
}

output "id" {
  value = tostring(digitalocean_ssh_key.key.id)
}
