"""The door of `celery beat`."""
