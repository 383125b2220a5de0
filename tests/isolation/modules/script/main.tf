# Runs a script that is given to it; what is named in `names` are resources of their own.
variable "script" {
  type    = string
  default = "true"
}

variable "names" {
  type    = set(string)
  default = []
}

variable "path" {
  type    = string
  default = ""
}

resource "terraform_data" "named" {
  for_each = var.names
  input    = each.key
}

resource "terraform_data" "script" {
  triggers_replace = [timestamp()]
  provisioner "local-exec" {
    command = "exec python3 -c \"$SCRIPT\""
    environment = {
      SCRIPT = var.script
    }
  }
}

output "text" {
  value = var.path == "" ? "" : try(file(var.path), "cannot")
}

output "names" {
  value = [for one in terraform_data.named : one.output]
}
