-- The keys of store/keys.py, by the same names. KEYS[1] of every script is the prefix; its hash
-- tag routes the script to the one slot that all of these share.
local P = KEYS[1]
local K = {
  agenda = P .. 'agenda', leases = P .. 'leases', tasks = P .. 'tasks', runs = P .. 'runs',
  types = P .. 'types', types_seen = P .. 'types:seen',
  calendars = P .. 'calendars', calendars_rev = P .. 'calendars:rev',
  calendars_since = P .. 'calendars:since',
  events = P .. 'events', wake = P .. 'wake', static = P .. 'static', replans = P .. 'replans', backfills = P .. 'backfills', rules = P .. 'rules',
  paused = P .. 'paused', audit = P .. 'audit', dead = P .. 'dead', replays = P .. 'replays',
}
function K.task(id) return P .. 'task:' .. id end
function K.run(id) return P .. 'run:' .. id end
function K.log(id) return P .. 'log:' .. id end
function K.tasks_by(kind, value) return P .. 'tasks:' .. kind .. ':' .. value end
function K.runs_by(kind, value) return P .. 'runs:' .. kind .. ':' .. value end
function K.done(id) return P .. 'done:' .. id end
function K.dead_by(kind, value) return P .. 'dead:' .. kind .. ':' .. value end
function K.backfill(id) return P .. 'backfill:' .. id end
function K.backfills_by(kind, value) return P .. 'backfills:' .. kind .. ':' .. value end
function K.skips(id) return P .. 'skips:' .. id end
function K.open(id) return P .. 'open:' .. id end
function K.waiting(id) return P .. 'waiting:' .. id end
function K.held(scope) return P .. 'held:' .. scope end
function K.idempotency(key) return P .. 'idem:' .. key end
function K.beats(kind) return P .. 'beats:' .. kind end
function K.beats_info(kind) return P .. 'beats:' .. kind .. ':info' end
function K.stats(minute) return P .. 'stats:' .. string.format('%.0f', minute) end
