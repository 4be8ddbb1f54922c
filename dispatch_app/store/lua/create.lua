-- What:   a definition, its listings and its first moment; if it is due now, its run and message.
-- Needs:  no task of this id.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, def, type, once, status, next?, occurrence? (if that is another moment), indexes[], run?, idem? {key, fingerprint}, now?}
-- Reply:  {'OK', id, record} | {'EXISTS'} | {'SAME', id, record} (the idempotency key made that task;
--         the record as it was then) | {'MISMATCH'} (... for another request)
-- Event:  task.created (and run.queued)
-- Keeps:  I2, I6, I7
-- @include keys
-- @include now
-- @include text
-- @include agenda
-- @include event
-- @include task_status
-- @include make_run
-- @include answer
local a = cmsgpack.unpack(ARGV[1])
local before = answered(a.idem)
if before then return before end
local key = K.task(a.id)
if redis.call('EXISTS', key) == 1 then return {'EXISTS'} end
local at = now(a.now)
local member = task_member(a.id, at)
redis.call('HSET', key, 'def', a.def, 'rev', 1, 'status', a.status, 'created', text(at))
if a.once then redis.call('HSET', key, 'once', 1) end
redis.call('ZADD', K.tasks, 0, member)
redis.call('ZADD', K.tasks_by('status', a.status), 0, member)
for _, index in ipairs(a.indexes) do redis.call('ZADD', P .. index, 0, member) end
if a.next then
  redis.call('HSET', key, 'next', text(a.next))
  if a.occurrence then redis.call('HSET', key, 'occurrence', text(a.occurrence)) end
  if a.status ~= 'paused' then agenda_put('t:' .. a.id, a.next) end
end
event('task.created', a.id, nil, a.status)
if a.run then make_run(a.id, a.type, a.def, a.run, at) end
answer(a.idem, a.id, key)
return {'OK', a.id, redis.call('HGETALL', key)}
