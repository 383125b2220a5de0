resource "terraform_data" "hold" {
  provisioner "local-exec" {
    command = "sleep 3600"
  }
}
