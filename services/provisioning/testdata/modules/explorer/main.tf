# Looks whether it can write to the system, and see the folders of other runs. What it writes beside its own folder must
# be nowhere once it has ended.
resource "terraform_data" "probe" {
  provisioner "local-exec" {
    command = "touch here ../outside; ! touch /usr/outside 2>/dev/null && ! ls ../other 2>/dev/null && ! ls /root 2>/dev/null"
  }
}

output "result" {
  value = "sealed off, as ${terraform_data.probe.id} says"
}
