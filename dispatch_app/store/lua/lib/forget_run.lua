-- @include keys
-- @include agenda
-- A run and all that is its own.
local function forget_run(id)
  local h = redis.call('HMGET', K.run(id), 'task', 'type', 'status', 'held', 'backfill')
  redis.call('DEL', K.run(id), K.log(id))
  redis.call('ZREM', K.runs, id)
  redis.call('ZREM', K.leases, id)
  agenda_drop('r:' .. id, K.run(id), h[4])
  if not h[1] then return end
  if h[5] then redis.call('ZREM', K.runs_by('backfill', h[5]), id) end
  redis.call('ZREM', K.runs_by('task', h[1]), id)
  redis.call('ZREM', K.runs_by('type', h[2]), id)
  redis.call('ZREM', K.runs_by('status', h[3]), id)
end
