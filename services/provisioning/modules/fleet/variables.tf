variable "items" {
  description = "What the fleet is made of, by name."
  type = map(object({
    replicas = optional(number, 1)
    zone     = optional(string, "a")
  }))
  default = {}
}

variable "password" {
  description = "What the fleet's members share; only a hash of it is kept."
  type        = string
  default     = null
  sensitive   = true
}

variable "delay_seconds" {
  description = "How long each item takes to be made, so that a run can be watched: 0 to 600."
  type        = number
  default     = 0

  validation {
    condition     = var.delay_seconds >= 0 && var.delay_seconds <= 600
    error_message = "The delay must be 0 to 600 seconds."
  }
}
