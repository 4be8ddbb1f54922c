-- @include keys
-- @include event
-- @include count
-- @include task_status
-- @include text
-- @include agenda
-- @include enqueue
-- @include read_run
-- @include backfill
-- @include letter
-- A run from one state to another, if the life of a run (domain/run.py) allows it: its record, its
-- listings, its task's last run and counters, this minute's figures, one event, and what waited for
-- its end. I5 is kept here: no way leads out of a finished state.
local ALLOWED = {
  waiting = {queued = true, cancelled = true, expired = true},
  queued = {queued = true, running = true, cancelled = true, expired = true},
  running = {queued = true, succeeded = true, failed = true, retrying = true, cancelled = true},
  retrying = {queued = true, cancelled = true},
}
local FINISHED = {succeeded = true, failed = true, cancelled = true, expired = true, skipped = true}

-- A one-off task shows the status of its run as soon as its own moment has come; until then a run
-- was triggered beside it. Cancelled itself it shows that.
local OF_ITS_OWN = {scheduled = true, paused = true}

-- A task's last run is the one that was made last (`is_new`), whatever its id says: ids are made by
-- a clock, and clocks are set.
local function sync_task(task, id, status, at, is_new)
  local key = K.task(task)
  local h = redis.pcall('HMGET', key, 'once', 'lr', 'rev', 'status', 'lrf', 'cancelled')
  if not h[3] then return end
  if is_new or not h[2] or h[2] == id then
    if FINISHED[status] then
      redis.call('HSET', key, 'lr', id, 'lrs', status, 'lrf', text(at))
    else
      redis.call('HSET', key, 'lr', id, 'lrs', status)
      if h[5] then redis.call('HDEL', key, 'lrf') end
    end
    if h[1] and not h[6] and not OF_ITS_OWN[h[4]] then task_status(task, status) end
  end
  if FINISHED[status] then redis.pcall('HINCRBY', key, 'n:' .. status, 1) end
  if status == 'retrying' then redis.pcall('HINCRBY', key, 'n:retried', 1) end
end

-- What a finished run leaves behind: its place in the books, in its backfill and on the agenda. One that
-- has failed becomes a dead letter; retention counts the others.
local function leave(run, after, at)
  if after == 'failed' then list_letter(run, at) else redis.call('LPUSH', K.done(run.task), run.id) end
  if run.open then
    redis.call('SREM', K.open(run.task), run.id)
    redis.call('ZREM', K.waiting(run.task), run.id)
  end
  if run.backfill then count_in_backfill(run.backfill, after, at) end
  if run.expires then redis.call('ZREM', K.agenda, 'x:' .. run.id) end
  if run.cancel then redis.call('ZREM', K.agenda, 'k:' .. run.id) end
end

local function waits_no_more(id)
  local key = K.run(id)
  redis.call('HDEL', key, 'broker', 'message')
  if string.sub(redis.call('HGET', key, 'reason') or '', 1, 9) == 'overlap: ' then redis.call('HDEL', key, 'reason') end
end

-- run: as `read_run` has it; at: the moment. Returns whether it moved.
local release
local function move(run, after, at, duration)
  local before = run.status
  local ways = ALLOWED[before]
  if not (ways and ways[after]) then return false end
  redis.call('ZREM', K.runs_by('status', before), run.id)
  redis.call('ZADD', K.runs_by('status', after), 0, run.id)
  if FINISHED[after] then
    redis.call('HSET', K.run(run.id), 'status', after, 'finished', text(at))
  else
    redis.call('HSET', K.run(run.id), 'status', after)
  end
  if before == 'running' then redis.call('ZREM', K.leases, run.id) end
  if before == 'retrying' then redis.call('HDEL', K.run(run.id), 'retry_at') end
  if before == 'retrying' or before == 'queued' then
    agenda_drop('r:' .. run.id, K.run(run.id), run.held)
    run.held = nil
  end
  if before == 'waiting' then waits_no_more(run.id) end
  if after == 'running' and run.expires then
    -- it has been started in time, whatever becomes of this attempt
    redis.call('ZREM', K.agenda, 'x:' .. run.id)
    redis.call('HDEL', K.run(run.id), 'expires')
  end
  if FINISHED[after] then leave(run, after, at) end
  run.status = after
  sync_task(run.task, run.id, after, at)
  count(run.type, after, at, duration)
  event('run.' .. after, run.task, run.id, after)
  if FINISHED[after] and run.open then release(run.task, at) end
  return true
end

-- The oldest run that waits for the others of its task to finish, once they have.
function release(task, at)
  if redis.call('SCARD', K.open(task)) > 0 then return end
  local id = redis.call('ZRANGE', K.waiting(task), 0, 0)[1]
  if not id then return end
  redis.call('ZREM', K.waiting(task), id)
  local run = read_run(id)
  local h = redis.pcall('HMGET', K.run(id), 'broker', 'message')
  if not (run and run.status == 'waiting' and h[2]) then return release(task, at) end
  if run.expires and at > run.expires then
    -- this one's end releases the next
    move(run, 'expired', at)
    redis.call('HSET', K.run(id), 'reason', 'it was not started in time')
    return
  end
  redis.call('SADD', K.open(task), id)
  redis.call('HSET', K.run(id), 'queued', text(at))
  move(run, 'queued', at)
  enqueue(h[1], h[2])
end
