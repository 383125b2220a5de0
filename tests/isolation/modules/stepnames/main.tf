# Brings along files of the names that the service once kept its own under.
resource "terraform_data" "one" {
  input = "x"
}

output "one" {
  value = terraform_data.one.output
}
