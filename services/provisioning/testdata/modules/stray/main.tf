# Its command leaves a process behind that has left session and group and has no environment.
resource "terraform_data" "stray" {
  provisioner "local-exec" {
    command = "env -i setsid sleep 600 >/dev/null 2>&1 & echo left it"
  }
}
