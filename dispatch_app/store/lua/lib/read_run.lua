-- @include keys
-- What scripts need to know of a run, or nil if there is none (or something that is none).
local function read_run(id)
  local h = redis.pcall('HMGET', K.run(id), 'task', 'type', 'status', 'token', 'attempt', 'open', 'expires', 'cancel',
    'held', 'backfill')
  if not (h[1] and h[2] and h[3]) then return nil end
  return {id = id, task = h[1], type = h[2], status = h[3], token = h[4], attempt = tonumber(h[5]) or 1,
    open = h[6], expires = tonumber(h[7]), cancel = h[8], held = h[9], backfill = h[10]}
end
