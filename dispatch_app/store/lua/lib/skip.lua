-- @include keys
-- @include event
-- @include count
-- @include text
-- @include task_status
-- @include forget_run
-- Occurrences that do not run, as one record with a count; those that follow on it for the same
-- reason are added to it. The records have a list of their own: they push no run out of the history.
local MOST_SKIPS = 100

-- s: {id (of the record, if a new one is made), first, last, count, reason, origin?}
-- Returns the id of the record.
local function skip(task, type, def, s, at)
  local key = K.task(task)
  local h = redis.call('HMGET', key, 'skip', 'once', 'lr')
  redis.pcall('HINCRBY', key, 'n:skipped', s.count)
  count(type, 'skipped', at, nil, s.count)
  if h[1] and redis.pcall('HGET', K.run(h[1]), 'reason') == s.reason then
    redis.call('HINCRBY', K.run(h[1]), 'count', s.count)
    redis.call('HSET', K.run(h[1]), 'last', text(s.last), 'finished', text(at))
    return h[1]
  end
  redis.call('HSET', K.run(s.id), 'task', task, 'type', type, 'def', def, 'status', 'skipped',
    'origin', s.origin or 'schedule', 'reason', s.reason, 'at', text(s.first), 'last', text(s.last),
    'count', s.count, 'finished', text(at))
  redis.call('ZADD', K.runs, 0, s.id)
  redis.call('ZADD', K.runs_by('status', 'skipped'), 0, s.id)
  redis.call('ZADD', K.runs_by('type', type), 0, s.id)
  redis.call('ZADD', K.runs_by('task', task), 0, s.id)
  redis.call('HSET', key, 'skip', s.id)
  -- a one-off that has no run to show shows this
  if h[2] and not h[3] then redis.call('HSET', key, 'lr', s.id, 'lrs', 'skipped', 'lrf', text(at)) end
  event('run.skipped', task, s.id, 'skipped')
  if redis.call('LPUSH', K.skips(task), s.id) > MOST_SKIPS then
    forget_run(redis.call('RPOP', K.skips(task)))
  end
  return s.id
end
