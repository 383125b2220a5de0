terraform {
  required_providers {
    digitalocean = {
      source  = "digitalocean/digitalocean"
      version = ">= 1.20"
    }
  }
}

resource "digitalocean_ssh_key" "this" {
  name       = var.name
  public_key = var.public_key
}
