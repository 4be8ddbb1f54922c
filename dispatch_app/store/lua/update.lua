-- What:   another definition in place of the one that was read, and the moment that follows from it.
-- Needs:  the revision is still the one that was read, and so is the status, or nobody's cancel,
--         pause or end would last. Only a one-off on its way (no `status`) may have moved, to
--         anything but an end.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, rev, was (the status that was read), def, type, once,
--         status? (else it stays), next?, occurrence?, keep (the next moment that it has),
--         restart (count occurrences anew), leave[] and enter[] (listings), run?, now?}
-- Reply:  {'OK'} | {'NOT_FOUND'} | {'CHANGED'} (somebody was faster)
-- Event:  task.updated
-- Keeps:  I6: on the agenda if and only if it is scheduled and has a next moment; from what a pause
--         holds it comes back to it, and the definition decides whether it still waits
-- @include keys
-- @include now
-- @include text
-- @include agenda
-- @include event
-- @include task_status
-- @include move
-- @include make_run
local a = cmsgpack.unpack(ARGV[1])
local key = K.task(a.id)
local h = redis.call('HMGET', key, 'rev', 'created', 'next', 'status', 'held')
if not h[1] then return {'NOT_FOUND'} end
if tonumber(h[1]) ~= a.rev then return {'CHANGED'} end
if h[4] ~= a.was and (a.status or FINISHED[h[4]]) then return {'CHANGED'} end
local at = now(a.now)
local member = task_member(a.id, h[2])
for _, index in ipairs(a.leave) do redis.call('ZREM', P .. index, member) end
for _, index in ipairs(a.enter) do redis.call('ZADD', P .. index, 0, member) end
if a.status then task_status(a.id, a.status) end
redis.call('HSET', key, 'def', a.def, 'rev', a.rev + 1, 'updated', text(at))
redis.call('HDEL', key, 'once', 'note')
if a.once then redis.call('HSET', key, 'once', 1) end
agenda_drop('t:' .. a.id, key, h[5])
local moment = a.next
if a.keep and h[3] then moment = tonumber(h[3]) end
if not (a.keep and h[3]) then redis.call('HDEL', key, 'occurrence') end
if a.occurrence then redis.call('HSET', key, 'occurrence', text(a.occurrence)) end
if moment then
  redis.call('HSET', key, 'next', text(moment))
  if a.status == 'scheduled' then agenda_put('t:' .. a.id, moment) end
else
  redis.call('HDEL', key, 'next')
end
if a.restart then redis.call('HDEL', key, 'occ') end
event('task.updated', a.id, nil, redis.call('HGET', key, 'status'))
if a.run then make_run(a.id, a.type, a.def, a.run, at) end
return {'OK'}
