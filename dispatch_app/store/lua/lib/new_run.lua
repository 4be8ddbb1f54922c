-- @include keys
-- @include agenda
-- @include event
-- @include later
-- @include text
-- A new run and its message: both or neither (I2). It is queued, or waits for others of its task to
-- finish and keeps its message meanwhile. The caller writes down with the task, and in this minute's
-- figures, that there is one, and flushes: listings and messages are put off.
-- r: {id, queue, message, at (scheduled for), expires?, def? (else the task's), origin, reason?, backfill?,
--    retry_of? (the run that it is in place of), due? (when its message is sent, if not now)}
local function new_run(task, type, def, r, at, status)
  local key = K.run(r.id)
  redis.call('HSET', key, 'task', task, 'type', type, 'def', r.def or def,
    'status', status, 'origin', r.origin, 'at', text(r.at), 'queued', text(at), 'attempt', 1)
  if r.reason then redis.call('HSET', key, 'reason', r.reason) end
  if r.retry_of then redis.call('HSET', key, 'retry_of', r.retry_of) end
  if r.expires then
    redis.call('HSET', key, 'expires', text(r.expires))
    agenda_put('x:' .. r.id, r.expires)
  end
  if r.backfill then
    redis.call('HSET', key, 'backfill', r.backfill)
    redis.call('ZADD', K.runs_by('backfill', r.backfill), 0, r.id)
  end
  later('ZADD', K.runs, 0, r.id)
  later('ZADD', K.runs_by('status', status), 0, r.id)
  later('ZADD', K.runs_by('type', type), 0, r.id)
  redis.call('ZADD', K.runs_by('task', task), 0, r.id)
  event('run.' .. status, task, r.id, status)
  if status == 'waiting' then
    redis.call('HDEL', key, 'queued')
    redis.call('HSET', key, 'broker', r.queue, 'message', r.message)
  elseif r.due then
    agenda_put('r:' .. r.id, r.due)
  else
    -- as `enqueue` does
    later('LPUSH', r.queue, r.message)
  end
end
