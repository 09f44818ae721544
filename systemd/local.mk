# systemd units. They go where systemd looks for the units of an administrator's own software below $(prefix).
systemdunitdir = $(prefix)/lib/systemd/system
systemdsysusersdir = $(prefix)/lib/sysusers.d
systemdtmpfilesdir = $(prefix)/lib/tmpfiles.d
systemd_units_made = %D%/cvpulse-notifier@.service %D%/cvpulse-worker@.service %D%/cvpulse-cloudflare-ips.service %D%/cvpulse-backup.service
nodist_systemdunit_DATA = $(systemd_units_made)
dist_systemdunit_DATA = %D%/cvpulse-notifier@.socket %D%/cvpulse-worker@.socket %D%/cvpulse.target %D%/cvpulse-cloudflare-ips.timer %D%/cvpulse-backup.timer
EXTRA_DIST += $(systemd_units_made:=.in) %D%/cvpulse.sysusers %D%/cvpulse.tmpfiles
CLEANFILES += $(nodist_systemdunit_DATA)

SUFFIXES += .service.in .service
.service.in.service:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && sed 's|[@]bindir@|$(bindir)|; s|[@]sbindir@|$(sbindir)|; s|[@]pkglibexecdir@|$(pkglibexecdir)|' $< > $@.tmp && mv $@.tmp $@

install-data-local:
	$(MKDIR_P) $(DESTDIR)$(systemdsysusersdir) $(DESTDIR)$(systemdtmpfilesdir)
	$(INSTALL_DATA) $(srcdir)/%D%/cvpulse.sysusers $(DESTDIR)$(systemdsysusersdir)/cvpulse.conf
	$(INSTALL_DATA) $(srcdir)/%D%/cvpulse.tmpfiles $(DESTDIR)$(systemdtmpfilesdir)/cvpulse.conf

uninstall-local:
	rm -f $(DESTDIR)$(systemdsysusersdir)/cvpulse.conf $(DESTDIR)$(systemdtmpfilesdir)/cvpulse.conf
