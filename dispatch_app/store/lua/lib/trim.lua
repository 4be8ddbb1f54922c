-- @include keys
-- @include forget_run
-- Keep the newest `keep` finished runs of a task; at most ten go at once.
local function trim(task, keep)
  local over = math.min(redis.call('LLEN', K.done(task)) - keep, 10)
  for _ = 1, over do
    local id = redis.call('RPOP', K.done(task))
    if id then forget_run(id) end
  end
end
