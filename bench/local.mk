# bench
EXTRA_DIST += %D%/parse
