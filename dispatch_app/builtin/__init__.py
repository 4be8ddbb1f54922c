"""The task types that come with dispatch: ordinary Celery tasks, written as a user's are.

Importing this package registers them with every Celery app of the process.
"""

from dispatch_app.builtin import echo, email, http, sleep

#: The modules with the tasks, for an app that names what it loads (`include`).
MODULES = tuple(module.__name__ for module in (echo, email, http, sleep))
