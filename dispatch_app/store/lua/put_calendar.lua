-- What:   a calendar under its name, in place of the one that was there; the same again changes
--         nothing. The tasks that name it are put before the schedulers (agenda, `c:`) to be planned anew.
-- Needs:  the revision is still the one that was read, if one is given; a new one needs room.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {name, calendar (JSON), rev?, most (calendars that there may be), now?}
-- Reply:  {'OK', record, 1 if it is new} | {'CHANGED'} | {'FULL'}
-- @include keys
-- @include now
-- @include text
-- @include agenda
local a = cmsgpack.unpack(ARGV[1])
local at = now(a.now)
local old = redis.call('HGET', K.calendars, a.name)
local rev, said = string.match(old or '', '^{"rev":(%d+),"updated":%d+,"calendar":(.*)}$')
if a.rev and tonumber(rev) ~= a.rev then return {'CHANGED'} end
if said == a.calendar then return {'OK', old, 0} end
if not old and redis.call('HLEN', K.calendars) >= a.most then return {'FULL'} end
rev = redis.call('INCR', K.calendars_rev)
-- a count that begins anew, after a flush, is another one
if rev == 1 then redis.call('SET', K.calendars_since, text(at)) end
local record = '{"rev":' .. text(rev) .. ',"updated":' .. text(at) .. ',"calendar":' .. a.calendar .. '}'
redis.call('HSET', K.calendars, a.name, record)
-- a task may name one that is not there: it was dropped while the task was on its way here
if old or redis.call('EXISTS', K.tasks_by('calendar', a.name)) == 1 then
  redis.call('HDEL', K.replans, 'c:' .. a.name)
  agenda_put('c:' .. a.name, at)
end
return {'OK', record, old and 0 or 1}
