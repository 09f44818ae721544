# The site, for an operator to copy or link into the system's nginx.
nginxdir = $(pkgdatadir)/nginx
dist_nginx_DATA = %D%/cvpulse.conf %D%/api.conf %D%/page.conf %D%/listen.conf %D%/upstreams.conf %D%/cloudflare-ips.conf \
	%D%/tls.conf %D%/redirect.conf
dist_pkglibexec_SCRIPTS = %D%/cloudflare-ips
EXTRA_DIST += %D%/nginx.conf

# listen.conf says where the page lies.
install-data-hook:
	sed 's|/usr/share/cvpulse|$(pkgdatadir)|' $(srcdir)/nginx/listen.conf > $(DESTDIR)$(nginxdir)/listen.conf
