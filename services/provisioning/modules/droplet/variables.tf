variable "image" {
  description = "The slug of the image to boot, such as ubuntu-24-04-x64."
  type        = string
}

variable "name" {
  description = "The droplet's name, also its host name."
  type        = string
}

variable "region" {
  description = "The slug of the data centre, such as lon1."
  type        = string
}

variable "size" {
  description = "The slug of the size, such as s-1vcpu-1gb."
  type        = string
}

variable "monitoring" {
  description = "Whether DigitalOcean's monitoring agent is installed."
  type        = bool
  default     = false
}

variable "ipv6" {
  description = "Whether the droplet gets an IPv6 address too."
  type        = bool
  default     = false
}
