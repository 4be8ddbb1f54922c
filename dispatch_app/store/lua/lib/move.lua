-- @include keys
-- @include event
-- @include count
-- @include task_status
-- @include text
-- A run from one state to another, if the life of a run (domain/run.py) allows it: its record, its
-- listings, its task's last run and counters, this minute's figures, one event. I5 is kept here:
-- no way leads out of a finished state.
local ALLOWED = {
  waiting = {queued = true, cancelled = true, expired = true},
  queued = {queued = true, running = true, cancelled = true, expired = true},
  running = {queued = true, succeeded = true, failed = true, retrying = true, cancelled = true},
  retrying = {queued = true, cancelled = true, expired = true},
}
local FINISHED = {succeeded = true, failed = true, cancelled = true, expired = true, skipped = true}

-- A one-off task shows the status of its run as soon as its own moment has come; until then a run
-- was triggered beside it.
local OF_ITS_OWN = {scheduled = true, paused = true, cancelled = true}

local function sync_task(task, id, status, at)
  local key = K.task(task)
  local h = redis.pcall('HMGET', key, 'once', 'lr', 'rev', 'status')
  if not h[3] then return end
  if not h[2] or h[2] <= id then
    if FINISHED[status] then
      redis.call('HSET', key, 'lr', id, 'lrs', status, 'lrf', text(at))
    else
      redis.call('HSET', key, 'lr', id, 'lrs', status)
      redis.call('HDEL', key, 'lrf')
    end
    if h[1] and not OF_ITS_OWN[h[4]] then task_status(task, status) end
  end
  if FINISHED[status] then redis.pcall('HINCRBY', key, 'n:' .. status, 1) end
  if status == 'retrying' then redis.pcall('HINCRBY', key, 'n:retried', 1) end
end

-- run: {id, task, type, status}; at: the moment. Returns whether it moved.
local function move(run, after, at, duration)
  local ways = ALLOWED[run.status]
  if not (ways and ways[after]) then return false end
  redis.call('ZREM', K.runs_by('status', run.status), run.id)
  redis.call('ZADD', K.runs_by('status', after), 0, run.id)
  redis.call('HSET', K.run(run.id), 'status', after)
  if run.status == 'running' then redis.call('ZREM', K.leases, run.id) end
  if run.status == 'retrying' then redis.call('HDEL', K.run(run.id), 'retry_at') end
  if run.status == 'retrying' or run.status == 'queued' then
    redis.call('ZREM', K.agenda, 'r:' .. run.id)
  end
  if FINISHED[after] then
    redis.call('HSET', K.run(run.id), 'finished', text(at))
    redis.call('LPUSH', K.done(run.task), run.id)
  end
  sync_task(run.task, run.id, after, at)
  count(run.type, after, at, duration)
  event('run.' .. after, run.task, run.id, after)
  run.status = after
  return true
end
