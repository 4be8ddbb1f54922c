-- @include keys
-- @include agenda
-- @include letter
-- A run and all that is its own; also what stands in its place (somebody's hand) and is no run.
local function forget_run(id)
  local h = redis.pcall('HMGET', K.run(id), 'task', 'type', 'status', 'held', 'backfill', 'died')
  redis.call('DEL', K.run(id), K.log(id))
  redis.call('ZREM', K.runs, id)
  redis.call('ZREM', K.leases, id)
  agenda_drop('r:' .. id, K.run(id), h[4])
  if not h[1] then return end
  if h[5] then redis.call('ZREM', K.runs_by('backfill', h[5]), id) end
  if h[6] then unlist_letter(id, h[6], h[2], h[1]) end
  redis.call('ZREM', K.runs_by('task', h[1]), id)
  if h[2] then redis.call('ZREM', K.runs_by('type', h[2]), id) end
  if h[3] then redis.call('ZREM', K.runs_by('status', h[3]), id) end
end
