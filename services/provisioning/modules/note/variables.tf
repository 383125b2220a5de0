variable "title" {
  description = "One line; at most 120 characters."
  type        = string

  validation {
    condition     = length(var.title) > 0 && length(var.title) <= 120
    error_message = "The title must have 1 to 120 characters."
  }
}

variable "body" {
  description = "The text."
  type        = string
  default     = ""
}

variable "tags" {
  description = "Words to find it by."
  type        = set(string)
  default     = []
}
