-- What:   a task, its listings and its whole history are gone; what runs is fenced.
-- Needs:  the revision is still the one whose listings the caller names.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, rev (text), leave[] (listings), now?}
-- Reply:  {'OK', runs left} (call again until 0) | {'NOT_FOUND'} | {'CHANGED'}
-- Event:  task.purged
-- @include keys
-- @include now
-- @include agenda
-- @include event
-- @include task_status
-- @include cancel_run
-- @include forget_run
-- @include backfill
-- @include even_if_full
local a = cmsgpack.unpack(ARGV[1])
local key = K.task(a.id)
if redis.call('EXISTS', key) == 0 then return {'NOT_FOUND'} end
-- of a key that holds something else all is gone, too
local h = redis.pcall('HMGET', key, 'rev', 'created', 'status', 'held')
if (h[1] or '') ~= a.rev then return {'CHANGED'} end
local at = now(a.now)
even_if_full()
agenda_drop('t:' .. a.id, key, h[4])
for _, id in ipairs(redis.call('ZRANGE', K.backfills_by('task', a.id), 0, -1)) do forget_backfill(a.id, id) end
for _, id in ipairs(redis.call('ZRANGE', K.waiting(a.id), 0, -1)) do cancel_run(id, at, 'its task was purged') end
-- at most 1,000 runs a call: a script stops the whole server while it runs
for _, id in ipairs(redis.call('ZRANGE', K.runs_by('task', a.id), 0, 999)) do
  cancel_run(id, at, 'its task was purged')
  forget_run(id)
  -- also one whose record is gone, or none: else there would be runs left for ever
  redis.call('ZREM', K.runs_by('task', a.id), id)
end
local left = redis.call('ZCARD', K.runs_by('task', a.id))
if left > 0 then return {'OK', left} end
local member = task_member(a.id, h[2])
redis.call('ZREM', K.tasks, member)
local status = redis.pcall('HGET', key, 'status')
if type(status) == 'string' then redis.call('ZREM', K.tasks_by('status', status), member) end
for _, index in ipairs(a.leave) do redis.call('ZREM', P .. index, member) end
redis.call('SREM', K.static, a.id)
redis.call('DEL', key, K.done(a.id), K.skips(a.id), K.open(a.id), K.waiting(a.id))
event('task.purged', a.id, nil, h[3] or '')
return {'OK', 0}
