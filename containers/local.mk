EXTRA_DIST += %D%/Containerfile %D%/compose.yaml %D%/upstreams.conf
