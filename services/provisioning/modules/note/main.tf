resource "terraform_data" "note" {
  input = {
    title = var.title
    body  = var.body
    tags  = sort(var.tags)
  }
}
