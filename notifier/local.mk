# notifier
