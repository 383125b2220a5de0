variable "attacks" {
  type        = list(list(string))
  description = "Name, kind and arguments of each attack: reach.py has the kinds."
}
