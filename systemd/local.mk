# systemd units. They go where systemd looks for the units of an administrator's own software below $(prefix).
systemdunitdir = $(prefix)/lib/systemd/system
systemdsysusersdir = $(prefix)/lib/sysusers.d
nodist_systemdunit_DATA = %D%/cvpulse-notifier@.service %D%/cvpulse-worker@.service
dist_systemdunit_DATA = %D%/cvpulse-notifier@.socket %D%/cvpulse.target
EXTRA_DIST += %D%/cvpulse-notifier@.service.in %D%/cvpulse-worker@.service.in %D%/cvpulse.sysusers
CLEANFILES += $(nodist_systemdunit_DATA)

SUFFIXES += .service.in .service
.service.in.service:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && sed 's|[@]sbindir@|$(sbindir)|' $< > $@.tmp && mv $@.tmp $@

install-data-local:
	$(MKDIR_P) $(DESTDIR)$(systemdsysusersdir)
	$(INSTALL_DATA) $(srcdir)/%D%/cvpulse.sysusers $(DESTDIR)$(systemdsysusersdir)/cvpulse.conf

uninstall-local:
	rm -f $(DESTDIR)$(systemdsysusersdir)/cvpulse.conf
