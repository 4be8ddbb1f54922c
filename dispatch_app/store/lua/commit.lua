-- What:   for each entry, only if the agenda (and the definition) still say what was read: advance
--         the task to its next moment and make its runs with their messages, or send the message of
--         a run's next attempt (of the same one, where it was postponed). Otherwise somebody was
--         faster, and that is fine. What a pause stands in the way of is held by it, as it is.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {entries[], until? (the plan holds), now?}; at most 500 entries. An entry:
--         of a task   {member, due, rev, type, queue (its name), done? (counts), next?, occurrence? (if it is another
--                     moment), runs[], skip? (occurrences before those), if_skipped? {next?, occurrence?,
--                     done?} (if its overlap policy lets it not run), park? (why it cannot be planned)}
--         of a run    {member, due, queue, message, attempt (0: it only leaves the agenda)}
-- Reply:  number of entries that advanced
-- Event:  run.queued, run.waiting or run.skipped for each run; task.completed, task.paused (parked)
-- Keeps:  I1, I2, I6, I9
-- @include keys
-- @include now
-- @include text
-- @include agenda
-- @include hold
-- @include event
-- @include task_status
-- @include count
-- @include later
-- @include add_runs
-- @include move
-- @include read_run
-- @include enqueue
local a = cmsgpack.unpack(ARGV[1])
local at = now(a.now)
-- where they are something else, this stumbles before anything is written
redis.call('XLEN', K.events) redis.call('ZCARD', K.runs)
-- a scheduler that stood still, or a clock that jumped: misfire policies say anew what is to be done
if a['until'] and at > a['until'] then return 0 end

-- The task's last moment is over: from here on a one-off shows the status of its run.
local function ended(id, h, status)
  local before, after, member = h[5], h[3] and status or 'completed', task_member(id, h[4])
  if before and before ~= after then
    later('ZREM', K.tasks_by('status', before), member)
    later('ZADD', K.tasks_by('status', after), 0, member)
  end
  if after == 'completed' then event('task.completed', id, nil, after) end
  return after
end

local function park(id, key, e, known)
  redis.call('ZREM', K.agenda, e.member)
  if not (known and e.park) then return end
  redis.call('HSET', key, 'note', e.park)
  task_status(id, 'paused')
  event('task.paused', id, nil, 'paused')
end

-- One read and one write of the task's record, whatever it says: this is where a scheduler's time goes.
local function advance_task(id, e)
  local key = K.task(id)
  local h = redis.pcall('HMGET', key, 'def', 'rev', 'once', 'created', 'status', 'lr', 'lrf', 'n:runs',
    'skip', 'books', 'occurrence')
  if h[1] and (h[2] or '') ~= e.rev then return false end
  if e.park or not h[1] then
    park(id, key, e, h[4])
    return true
  end
  local scope = paused_by(e.queue, e.type)
  if scope then
    hold(scope, e.member, key, e.due)
    return true
  end
  local by_policy = e.skip or h[9] or h[10] or (e.runs[1] and e.runs[1].overlap)
  local set, status = (by_policy and add_runs_by_policy or add_runs)(id, e, h, at)
  if e.done then set[#set + 1], set[#set + 2] = 'occ', e.done end
  if h[11] and not e.occurrence then redis.call('HDEL', key, 'occurrence') end
  if e.occurrence then set[#set + 1], set[#set + 2] = 'occurrence', text(e.occurrence) end
  if e.next then
    redis.call('ZADD', K.agenda, e.next, e.member)
    set[#set + 1], set[#set + 2] = 'next', text(e.next)
  else
    redis.call('ZREM', K.agenda, e.member)
    redis.call('HDEL', key, 'next')
    set[#set + 1], set[#set + 2] = 'status', ended(id, h, status)
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
  else
    redis.call('HSET', K.run(id), 'sent', text(at))
    redis.pcall('HINCRBY', K.run(id), 'copies', 1)
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
count_added(at)
if not ok then error(failure) end
return advanced
