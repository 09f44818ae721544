# The page at /: served as it is.
pagedir = $(pkgdatadir)/page
dist_page_DATA = %D%/page/index.html %D%/page/page.css %D%/page/icon.svg %D%/page/page.js %D%/page/store.js \
	%D%/page/stream.js %D%/page/upload.js %D%/page/view.js
