-- @include keys
-- The task's status in its record and its listings. `member` is its name in the listings.
local function task_member(id, created) return string.format('%013.0f', tonumber(created) or 0) .. '~' .. id end

-- Whether the task itself was cancelled, and takes no new run: a one-off shows `cancelled` too where only
-- its last run was. once, cancelled (the moment): as its record has them
local function is_cancelled(status, once, cancelled)
  return cancelled or (status == 'cancelled' and not once)
end

local function task_status(id, after)
  local key = K.task(id)
  local h = redis.call('HMGET', key, 'status', 'created')
  if not h[1] or h[1] == after then return end
  local member = task_member(id, h[2])
  redis.call('ZREM', K.tasks_by('status', h[1]), member)
  redis.call('ZADD', K.tasks_by('status', after), 0, member)
  redis.call('HSET', key, 'status', after)
end
