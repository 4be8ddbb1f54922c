"""The door of `celery worker`."""
