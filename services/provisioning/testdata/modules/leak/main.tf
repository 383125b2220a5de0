# A module that takes no care of its secret: it prints it, and gives it out as an output that is not sensitive.
variable "secret" {
  type      = string
  sensitive = true
}

resource "terraform_data" "loud" {
  provisioner "local-exec" {
    command = "echo \"the secret is $SECRET\""
    environment = {
      SECRET = nonsensitive(var.secret)
    }
  }
}

output "shown" {
  value = nonsensitive(var.secret)
}
