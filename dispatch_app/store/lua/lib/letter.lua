-- @include keys
-- The listings of dead letters: runs that have failed for good and wait for a person. A member is the
-- moment of its death and the run's id, so that all of them sort by that moment; `died` in the run's
-- record says that it is one.
local function letter_of(id, died) return string.format('%013.0f', tonumber(died) or 0) .. '~' .. id end

local function list_letter(run, at)
  local member = letter_of(run.id, at)
  redis.call('HSET', K.run(run.id), 'died', string.format('%.0f', at))
  redis.call('ZADD', K.dead, 0, member)
  redis.call('ZADD', K.dead_by('type', run.type), 0, member)
  redis.call('ZADD', K.dead_by('task', run.task), 0, member)
end

local function unlist_letter(id, died, type, task)
  local member = letter_of(id, died)
  redis.call('ZREM', K.dead, member)
  -- what a damaged record does not say, the auditor finds
  if type then redis.call('ZREM', K.dead_by('type', type), member) end
  if task then redis.call('ZREM', K.dead_by('task', task), member) end
end
