# For the operator's Prometheus and Grafana.
monitoringdir = $(pkgdatadir)/monitoring
dist_monitoring_DATA = %D%/prometheus.yml %D%/alerts.yml %D%/alerts_test.yml %D%/dashboard.json
dist_monitoring_SCRIPTS = %D%/certificate.sh
