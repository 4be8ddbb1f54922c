"""placeholder"""
from dispatch_app.domain.schedule.once import Once
from dispatch_app.domain.schedule.interval import Interval
from dispatch_app.domain.schedule.cron import Cron
