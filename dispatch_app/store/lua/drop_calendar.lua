-- What:   a calendar is gone.
-- Needs:  no task names it; the revision is still the one that was read, if one is given.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {name, rev?}
-- Reply:  {'OK'} | {'NOT_FOUND'} | {'CHANGED'} | {'NAMED', number of tasks}
-- @include keys
local a = cmsgpack.unpack(ARGV[1])
local old = redis.call('HGET', K.calendars, a.name)
if not old then return {'NOT_FOUND'} end
if a.rev and tonumber(string.match(old, '^{"rev":(%d+),')) ~= a.rev then return {'CHANGED'} end
local tasks = redis.call('ZCARD', K.tasks_by('calendar', a.name))
if tasks > 0 then return {'NAMED', tasks} end
redis.call('HDEL', K.calendars, a.name)
redis.call('INCR', K.calendars_rev)
redis.call('ZREM', K.agenda, 'c:' .. a.name)
return {'OK'}
