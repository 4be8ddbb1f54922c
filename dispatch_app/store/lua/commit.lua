-- What:   for each entry, only if the agenda (and the definition) still say what was read: advance
--         the task to its next moment and make its runs with their messages, or send the message of
--         a run's next attempt (of the same one, where it was postponed). Otherwise somebody was
--         faster, and that is fine.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {entries[], now?}; at most 500 entries. An entry:
--         of a task   {member, due, rev, type, next?, runs[], park? (why it cannot be planned)}
--         of a run    {member, due, queue, message, attempt (0: it only leaves the agenda)}
-- Reply:  number of entries that advanced
-- Event:  run.queued for each run; task.completed, task.paused (parked)
-- Keeps:  I1, I2, I6, I9
-- @include keys
-- @include now
-- @include text
-- @include agenda
-- @include event
-- @include task_status
-- @include make_run
-- @include move
-- @include read_run
-- @include enqueue
local a = cmsgpack.unpack(ARGV[1])
local at = now(a.now)

local function advance_task(id, e)
  local key = K.task(id)
  local h = redis.pcall('HMGET', key, 'def', 'rev', 'once', 'created')
  if h[1] and (h[2] or '') ~= e.rev then return false end
  if e.park or not h[1] then
    redis.call('ZREM', K.agenda, e.member)
    if h[4] and e.park then
      redis.call('HSET', key, 'note', e.park)
      task_status(id, 'paused')
      event('task.paused', id, nil, 'paused')
    end
    return true
  end
  -- first what may fail on a counter that is none, so that nothing is left half done
  if #e.runs > 0 then redis.call('HINCRBY', key, 'occ', #e.runs) end
  for _, run in ipairs(e.runs) do make_run(id, e.type, h[1], run, at) end
  if e.next then
    redis.call('ZADD', K.agenda, e.next, e.member)
    redis.call('HSET', key, 'next', text(e.next))
  else
    redis.call('ZREM', K.agenda, e.member)
    redis.call('HDEL', key, 'next')
  end
  if e.next then return true end
  if h[3] then
    -- from here on it shows the status of its run
    task_status(id, 'queued')
  else
    task_status(id, 'completed')
    event('task.completed', id, nil, 'completed')
  end
  return true
end

local function next_attempt(id, e)
  local run = read_run(id)
  redis.call('ZREM', K.agenda, e.member)
  if not run or e.attempt == 0 then return false end
  if run.status == 'retrying' then
    redis.call('HSET', K.run(id), 'attempt', e.attempt, 'queued', text(at))
    redis.call('HDEL', K.run(id), 'token', 'worker', 'started')
    move(run, 'queued', at)
  elseif run.status ~= 'queued' or run.attempt ~= e.attempt then
    return false
  end
  enqueue(e.queue, e.message)
  return true
end

local advanced = 0
for _, e in ipairs(a.entries) do
  local due = redis.call('ZSCORE', K.agenda, e.member)
  if due and tonumber(due) == e.due then
    local id = string.sub(e.member, 3)
    local step = string.sub(e.member, 1, 2) == 't:' and advance_task or next_attempt
    if step(id, e) then advanced = advanced + 1 end
  end
end
return advanced
