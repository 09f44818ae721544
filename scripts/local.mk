# What an operator does now and then.
dist_sbin_SCRIPTS = %D%/cvpulse-admin
