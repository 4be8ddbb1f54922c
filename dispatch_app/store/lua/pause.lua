-- What:   stop a schedule, or let it go on from the moment that it had (misfire policy decides
--         about what was missed).
-- Needs:  scheduled, to pause; paused, to resume. The same again is fine.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, pause, note, now?}
-- Reply:  {'OK'} | {'NOT_FOUND'} | {'DAMAGED'} (its key holds no record) | {'CONFLICT', status}
-- Event:  task.paused | task.resumed
-- Keeps:  I6
-- @include keys
-- @include now
-- @include text
-- @include agenda
-- @include event
-- @include task_status
local a = cmsgpack.unpack(ARGV[1])
local key = K.task(a.id)
local h = redis.pcall('HMGET', key, 'status', 'next', 'held')
if h.err then return {'DAMAGED'} end
if not h[1] then return {'NOT_FOUND'} end
local before, after = 'paused', 'scheduled'
if a.pause then before, after = after, before end
if h[1] ~= before and h[1] ~= after then return {'CONFLICT', h[1]} end
if a.pause then
  agenda_drop('t:' .. a.id, key, h[3])
  if a.note ~= '' then redis.call('HSET', key, 'note', a.note) else redis.call('HDEL', key, 'note') end
else
  if h[1] == before and h[2] then agenda_put('t:' .. a.id, tonumber(h[2])) end
  redis.call('HDEL', key, 'note')
end
if h[1] == before then
  task_status(a.id, after)
  redis.call('HSET', key, 'updated', text(now(a.now)))
  event(a.pause and 'task.paused' or 'task.resumed', a.id, nil, after)
end
return {'OK'}
