resource "terraform_data" "item" {
  for_each = var.items

  input = {
    name     = each.key
    replicas = each.value.replicas
    zone     = each.value.zone
  }

  # Stands for the time that a cloud takes. Only creation waits.
  provisioner "local-exec" {
    command = "sleep ${var.delay_seconds}"
  }
}

resource "terraform_data" "credential" {
  count = var.password == null ? 0 : 1
  input = sha256(var.password)
}
