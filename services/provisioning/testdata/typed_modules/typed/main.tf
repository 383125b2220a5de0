variable "text" {
  type = string
}

variable "count_of" {
  type     = number
  default  = 3
  nullable = false
}

variable "ports" {
  type = list(object({
    port     = number
    protocol = optional(string, "tcp")
    note     = optional(string)
  }))
  default = [{ port = 80 }]
}

variable "names" {
  type    = set(string)
  default = []
}

variable "pair" {
  type    = tuple([string, bool])
  default = ["a", true]
}

variable "labels" {
  type    = map(string)
  default = {}
}

variable "anything" {
  default = null
}

variable "token" {
  type      = string
  sensitive = true
  default   = "not-shown"
}

output "all" {
  sensitive = true
  value     = [var.text, var.count_of, var.ports, var.names, var.pair, var.labels, var.anything, var.token]
}
