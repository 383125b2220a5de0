resource "terraform_data" "first" {
  input = "made before the limit"
}

resource "terraform_data" "second" {
  depends_on = [terraform_data.first]

  provisioner "local-exec" {
    command = "head -c 134217728 /dev/zero > filler; sleep 3600"
  }
}
