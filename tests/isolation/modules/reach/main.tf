# Tries to reach what a run must not: its error is the list of what it found.
resource "terraform_data" "reach" {
  provisioner "local-exec" {
    command = "python3 ${abspath(path.module)}/reach.py"
    environment = {
      ATTACKS = jsonencode(var.attacks)
    }
  }
}
