-- @include keys
-- @include text
-- Where a backfill stands: `made` runs (or skipped occurrences), of which so many are `over`; `all`: no
-- more will be made.
local MOST_BACKFILLS = 100

-- It ends, unless it has; whatever is left on the agenda of it goes.
local function end_backfill(id, status, at, note)
  local key = K.backfill(id)
  redis.call('ZREM', K.agenda, 'b:' .. id)
  if redis.call('HGET', key, 'status') ~= 'running' then return end
  redis.call('HSET', key, 'status', status, 'finished', text(at))
  if note then redis.call('HSET', key, 'note', note) end
end

local function end_if_over(id, at)
  local h = redis.call('HMGET', K.backfill(id), 'all', 'made', 'over')
  if h[1] and h[2] == h[3] then end_backfill(id, 'done', at) end
end

-- One of its runs has finished, or was skipped.
local function count_in_backfill(id, status, at)
  local key = K.backfill(id)
  if redis.call('EXISTS', key) == 0 then return end
  redis.call('HINCRBY', key, 'n:' .. status, 1)
  redis.call('HINCRBY', key, 'over', 1)
  end_if_over(id, at)
end

local function forget_backfill(task, id)
  redis.call('ZREM', K.agenda, 'b:' .. id)
  redis.call('ZREM', K.backfills, id)
  redis.call('ZREM', K.backfills_by('task', task), id)
  redis.call('DEL', K.backfill(id), K.runs_by('backfill', id))
end

local function forget_old_backfills(task)
  local listing = K.backfills_by('task', task)
  local over = redis.call('ZCARD', listing) - MOST_BACKFILLS
  for _, id in ipairs(over > 0 and redis.call('ZRANGE', listing, 0, over - 1) or {}) do
    if redis.call('HGET', K.backfill(id), 'status') ~= 'running' then forget_backfill(task, id) end
  end
end
