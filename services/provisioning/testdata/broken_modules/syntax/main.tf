variable "a" {
  type = string
}

resource "terraform_data" "x" {
  input = 
}
