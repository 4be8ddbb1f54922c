-- @include keys
-- @include forget_run
-- Keep the newest `keep` finished runs of a task; at most `most` (10) go at once.
local function trim(task, keep, most)
  local over = math.min(redis.call('LLEN', K.done(task)) - keep, most or 10)
  for _ = 1, over do
    local id = redis.call('RPOP', K.done(task))
    if id then forget_run(id) end
  end
end
