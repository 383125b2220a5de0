variable "name" {
  type = string
}

variable "public_key" {
  type = string
}
