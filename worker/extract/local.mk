# worker/extract
