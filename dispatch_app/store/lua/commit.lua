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
-- @include count
-- @include later
-- @include new_run
-- @include move
-- @include read_run
-- @include enqueue
local a = cmsgpack.unpack(ARGV[1])
local at, queued = now(a.now), {}

local function counter(found)
  return tonumber(found or 0) or error('ERR a counter of the record is no number')
end

-- What the task's record says after these runs, as fields and values; nothing is written yet, so that
-- what fails on a counter that is none leaves nothing half done.
local function after_runs(h, runs)
  local last = runs[#runs]
  if not last then return {} end
  local set = {'occ', text(counter(h[8]) + #runs), 'n:runs', text(counter(h[9]) + #runs)}
  if not h[6] or h[6] <= last.id then set[5], set[6], set[7], set[8] = 'lr', last.id, 'lrs', 'queued' end
  return set
end

-- The task's last moment is over: from here on a one-off shows the status of its run.
local function ended(id, h)
  local before, after, member = h[5], h[3] and 'queued' or 'completed', task_member(id, h[4])
  if before and before ~= after then
    later('ZREM', K.tasks_by('status', before), member)
    later('ZADD', K.tasks_by('status', after), 0, member)
  end
  if after == 'completed' then event('task.completed', id, nil, after) end
  return after
end

-- One read and one write of the task's record, whatever it says: this is where a scheduler's time goes.
local function advance_task(id, e)
  local key = K.task(id)
  local h = redis.pcall('HMGET', key, 'def', 'rev', 'once', 'created', 'status', 'lr', 'lrf', 'occ', 'n:runs')
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
  local set = after_runs(h, e.runs)
  if set[5] and h[7] then redis.call('HDEL', key, 'lrf') end
  for _, run in ipairs(e.runs) do new_run(id, e.type, h[1], run, at) end
  if #e.runs > 0 then queued[e.type] = (queued[e.type] or 0) + #e.runs end
  if e.next then
    redis.call('ZADD', K.agenda, e.next, e.member)
    set[#set + 1], set[#set + 2] = 'next', text(e.next)
  else
    redis.call('ZREM', K.agenda, e.member)
    redis.call('HDEL', key, 'next')
    set[#set + 1], set[#set + 2] = 'status', ended(id, h)
  end
  redis.call('HSET', key, unpack(set))
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
local function advance_all()
  for _, e in ipairs(a.entries) do
    local due = redis.call('ZSCORE', K.agenda, e.member)
    if due and tonumber(due) == e.due then
      local id = string.sub(e.member, 3)
      local step = string.sub(e.member, 1, 2) == 't:' and advance_task or next_attempt
      if step(id, e) then advanced = advanced + 1 end
    end
  end
end

-- whatever one entry stumbles over: those before it are whole, messages and all
local ok, failure = pcall(advance_all)
flush()
for type, runs in pairs(queued) do count(type, 'queued', at, nil, runs) end
if not ok then error(failure) end
return advanced
