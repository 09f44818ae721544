# The wanted state of a zone: read by `cvpulse cloudflare check` and by Terraform.
cloudflaredir = $(pkgdatadir)/cloudflare
dist_cloudflare_DATA = %D%/settings.json %D%/main.tf
