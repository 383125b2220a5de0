output "droplet_id" {
  description = "The droplet's id at DigitalOcean."
  value       = tostring(digitalocean_droplet.this.id)
}

output "droplet_ip_address" {
  description = "Its public IPv4 address."
  value       = tostring(digitalocean_droplet.this.ipv4_address)
}

output "droplet_status" {
  description = "Its state at DigitalOcean, such as active."
  value       = tostring(digitalocean_droplet.this.status)
}

output "droplet_created_at" {
  description = "When it was created."
  value       = tostring(digitalocean_droplet.this.created_at)
}
