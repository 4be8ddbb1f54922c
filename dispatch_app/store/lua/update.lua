-- What:   another definition in place of the one that was read, and the moment that follows from it.
-- Needs:  the revision is still the one that was read, and so is the status, or nobody's cancel,
--         pause or end would last. Only a one-off on its way (no `status`) may have moved, to
--         anything but an end. Of a damaged record (`mend`) whatever is left may be so.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, rev, was (the status that was read), def, type, once,
--         status? (else it stays), next?, occurrence?, keep (the next moment that it has),
--         restart (count occurrences anew), leave[] and enter[] (listings), run?,
--         mend? (write down what the record has lost), now?}
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
local at = now(a.now)

-- Give a damaged record what it has lost, as it was shown, so that it is one like any other.
local function mend()
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return end
  if kind ~= 'hash' then redis.call('DEL', key) end
  local h = redis.call('HMGET', key, 'rev', 'status', 'created')
  if not string.match(h[1] or '', '^%d+$') then redis.call('HSET', key, 'rev', 0) end
  local is_one = h[2] and (ALLOWED[h[2]] or FINISHED[h[2]] or OF_ITS_OWN[h[2]] or h[2] == 'completed')
  if not is_one then redis.call('HSET', key, 'status', a.was) end
  if not h[3] then redis.call('HSET', key, 'created', text(at)) end
end
if a.mend then mend() end

local h = redis.call('HMGET', key, 'rev', 'created', 'next', 'status', 'held')
if not h[1] then return {'NOT_FOUND'} end
if tonumber(h[1]) ~= a.rev then return {'CHANGED'} end
if h[4] ~= a.was and (a.status or FINISHED[h[4]]) then return {'CHANGED'} end
local member = task_member(a.id, h[2])
for _, index in ipairs(a.leave) do redis.call('ZREM', P .. index, member) end
for _, index in ipairs(a.enter) do redis.call('ZADD', P .. index, 0, member) end
task_status(a.id, a.status or h[4])
if a.mend then
  redis.call('ZADD', K.tasks, 0, member)
  redis.call('ZADD', K.tasks_by('status', a.status or h[4]), 0, member)
end
redis.call('HSET', key, 'def', a.def, 'rev', a.rev + 1, 'updated', text(at))
redis.call('HDEL', key, 'once', 'note', 'cancelled')
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
