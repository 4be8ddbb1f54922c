"""The list of nouns."""

from dispatch_api.resources.backfills.routes import blp as backfills
from dispatch_api.resources.calendars.routes import blp as calendars
from dispatch_api.resources.dead_letters.routes import blp as dead_letters
from dispatch_api.resources.docs.routes import blp as docs
from dispatch_api.resources.health.routes import blp as health
from dispatch_api.resources.pauses.routes import blp as pauses
from dispatch_api.resources.runs.routes import blp as runs
from dispatch_api.resources.schedules.routes import blp as schedules
from dispatch_api.resources.tasks.routes import blp as tasks
from dispatch_api.resources.types.routes import blp as types

#: under /api/v1
VERSIONED = (tasks, runs, schedules, calendars, types, pauses, backfills, dead_letters)
#: under /, for machines
PLAIN = (health,)
#: under /, for people; not in the OpenAPI document
PAGES = (docs,)
