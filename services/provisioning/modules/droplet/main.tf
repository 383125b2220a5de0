terraform {
  required_providers {
    digitalocean = {
      source  = "digitalocean/digitalocean"
      version = ">= 1.20"
    }
  }
}

# The token and the endpoint come from the run's environment: DIGITALOCEAN_TOKEN, DIGITALOCEAN_API_URL.
resource "digitalocean_droplet" "this" {
  image      = var.image
  name       = var.name
  region     = var.region
  size       = var.size
  monitoring = var.monitoring
  ipv6       = var.ipv6
}
