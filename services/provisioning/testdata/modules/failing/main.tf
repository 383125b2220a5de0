resource "terraform_data" "first" {
  input = "kept"
}

resource "terraform_data" "second" {
  depends_on = [terraform_data.first]

  provisioner "local-exec" {
    command = "echo it went wrong >&2; exit 3"
  }
}
