# Manual pages, from what the programs say of themselves.
manual_pages = cvpulse.1 cvpulse.conf.5 cvpulse-notifier.8 cvpulse-admin.8
manual_sources = cvpulse$(EXEEXT) cvpulse-notifier$(EXEEXT)
if WITH_WORKER
manual_pages += cvpulse-worker.8
manual_sources += cvpulse-worker$(EXEEXT)
endif
nodist_man_MANS = $(manual_pages)
CLEANFILES += $(manual_pages)
EXTRA_DIST += build-aux/man.sh
$(manual_pages): $(manual_sources) $(srcdir)/build-aux/man.sh $(srcdir)/scripts/cvpulse-admin
	$(AM_V_GEN)ADMIN=$(srcdir)/scripts/cvpulse-admin LC_ALL=C.UTF-8 $(srcdir)/build-aux/man.sh $@ $(PACKAGE_VERSION) > $@.tmp && mv $@.tmp $@
