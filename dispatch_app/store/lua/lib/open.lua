-- @include keys
-- The runs of a task that are not finished: `open` (queued, running, retrying) and `waiting` for
-- those. Only a task whose runs were ever made under an overlap policy has these books (`books` in its
-- record), so that all others do not pay for them; they are opened by what its newest runs say.
local NEWEST = 1000
local UNFINISHED = {queued = true, running = true, retrying = true}

-- Whether the task has them; `wanted`: from now on it has.
local function has_books(task, wanted)
  local key = K.task(task)
  if redis.call('HEXISTS', key, 'books') == 1 then return true end
  if not wanted then return false end
  redis.call('HSET', key, 'books', 1)
  for _, id in ipairs(redis.call('ZREVRANGE', K.runs_by('task', task), 0, NEWEST - 1)) do
    if UNFINISHED[redis.pcall('HGET', K.run(id), 'status')] then
      redis.call('SADD', K.open(task), id)
      redis.call('HSET', K.run(id), 'open', 1)
    end
  end
  return true
end

local function open_run(task, id)
  redis.call('SADD', K.open(task), id)
  redis.call('HSET', K.run(id), 'open', 1)
end

local function await_others(task, id)
  -- in the order in which they were made, whatever their ids say
  redis.call('ZADD', K.waiting(task), redis.call('HGET', K.task(task), 'n:runs'), id)
  redis.call('HSET', K.run(id), 'open', 1)
end
