# The page at /. Its built files have names with a hash in them, so that folders are installed, not files.
EXTRA_DIST += build-aux/dashboard.sh
if WITH_DASHBOARD
dashboarddir = $(pkgdatadir)/page

all-local: dashboard
dashboard:
	$(AM_V_GEN)$(srcdir)/build-aux/dashboard.sh

install-exec-local: install-dashboard
install-dashboard: dashboard
	$(MKDIR_P) $(DESTDIR)$(dashboarddir)/assets
	$(INSTALL_DATA) $(srcdir)/%D%/dashboard/dist/*.* $(DESTDIR)$(dashboarddir)
	$(INSTALL_DATA) $(srcdir)/%D%/dashboard/dist/assets/* $(DESTDIR)$(dashboarddir)/assets

uninstall-hook: uninstall-dashboard
uninstall-dashboard:
	rm -rf $(DESTDIR)$(dashboarddir)
endif
