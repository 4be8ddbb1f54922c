-- @include keys
-- @include event
-- @include count
-- @include enqueue
-- @include text
-- @include move
-- A new run, queued, and its message: both or neither (I2). The caller has made sure that the
-- task exists.
-- r: {id, queue, message, at (scheduled for), expires?, def? (else the task's), origin, reason?}
local function make_run(task, type, def, r, at)
  redis.call('HINCRBY', K.task(task), 'n:runs', 1)
  redis.call('HSET', K.run(r.id), 'task', task, 'type', type, 'def', r.def or def,
    'status', 'queued', 'origin', r.origin, 'at', text(r.at), 'queued', text(at), 'attempt', 1)
  if r.reason then redis.call('HSET', K.run(r.id), 'reason', r.reason) end
  if r.expires then redis.call('HSET', K.run(r.id), 'expires', text(r.expires)) end
  redis.call('ZADD', K.runs, 0, r.id)
  redis.call('ZADD', K.runs_by('status', 'queued'), 0, r.id)
  redis.call('ZADD', K.runs_by('type', type), 0, r.id)
  redis.call('ZADD', K.runs_by('task', task), 0, r.id)
  sync_task(task, r.id, 'queued', at)
  count(type, 'queued', at)
  event('run.queued', task, r.id, 'queued')
  enqueue(r.queue, r.message)
end
