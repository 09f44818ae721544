# The state of settings.json, set by Terraform: terraform init && terraform apply -var zone_id=… (API token in
# CLOUDFLARE_API_TOKEN). A zone has one list of rules for each phase, and this owns it: rules of your own for the same
# phase go into settings.json, or they are removed.
terraform {
  required_version = ">= 1.3"
  required_providers {
    cloudflare = {
      source  = "cloudflare/cloudflare"
      version = "~> 5.0"
    }
  }
}

variable "zone_id" {
  description = "The zone, 32 hexadecimal digits."
  type        = string
}

locals {
  wanted = jsondecode(file("${path.module}/settings.json"))
  phases = toset([for rule in local.wanted.rules : rule.phase])
}

resource "cloudflare_zone_setting" "wanted" {
  for_each   = local.wanted.zone_settings
  zone_id    = var.zone_id
  setting_id = each.key
  value      = each.value
}

resource "cloudflare_ruleset" "wanted" {
  for_each = local.phases
  zone_id  = var.zone_id
  name     = "cvpulse ${each.key}"
  kind     = "zone"
  phase    = each.key
  rules = [
    for rule in local.wanted.rules : {
      description       = rule.description
      expression        = rule.expression
      action            = rule.action
      action_parameters = rule.action_parameters
      enabled           = true
    } if rule.phase == each.key
  ]
}
