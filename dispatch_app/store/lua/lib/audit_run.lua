-- @include keys
-- @include agenda
-- @include move
-- @include letter
-- @include text
-- @include audit
-- One run (as `read_run` has it) against its listings, what is to happen to it when, and what waits for
-- its end or for which it waits.
local OPEN = {queued = true, running = true, retrying = true}
local LONGEST_LIST = 1000

-- In the list that retention counts; a list of more is not searched.
local function remembered(run, list)
  if redis.call('LLEN', list) > LONGEST_LIST then return end
  -- an old server has no LPOS, and its error is not false
  if redis.pcall('LPOS', list, run.id) ~= false then return end
  if out_of_step('listing', run.task, run.id, 'it is missing in ' .. string.sub(list, #P + 1)) then
    redis.call('RPUSH', list, run.id)
  end
end

-- found: the listing in which it was found
local function audit_listings(run, found)
  local backfill = run.backfill and redis.call('EXISTS', K.backfill(run.backfill)) == 1
  local places = {K.runs, K.runs_by('status', run.status), K.runs_by('type', run.type),
    K.runs_by('task', run.task), backfill and K.runs_by('backfill', run.backfill) or nil}
  local belongs = false
  for _, listing in ipairs(places) do
    belongs = belongs or listing == found
    listed(listing, run.id, true, run.task, run.id)
  end
  if not belongs then listed(found, run.id, false, run.task, run.id) end
  if run.status == 'skipped' then
    remembered(run, K.skips(run.task))
  elseif FINISHED[run.status] then
    local died = redis.call('HGET', K.run(run.id), 'died')
    if not died then return remembered(run, K.done(run.task)) end
    for _, listing in ipairs({K.dead, K.dead_by('type', run.type), K.dead_by('task', run.task)}) do
      listed(listing, letter_of(run.id, died), true, run.task, run.id)
    end
  end
end

local function on_agenda(run, kind, due, words)
  if redis.call('ZSCORE', K.agenda, kind .. run.id) then return end
  if out_of_step('agenda', run.task, run.id, words) then agenda_put(kind .. run.id, due) end
end

-- Whether its first attempt has not begun: from then on `expires` is looked at when it starts.
local function is_unstarted(run)
  if run.status == 'waiting' then return true end
  return run.status == 'queued' and run.attempt == 1 and redis.call('HEXISTS', K.run(run.id), 'a:1:back') == 0
end

-- Its lease, its next message (r:), when it is too late to start (x:), or to end by itself (k:).
local function audit_times(run, lease, at)
  local id, task, running = run.id, run.task, run.status == 'running'
  if running and not redis.call('ZSCORE', K.leases, id) then
    -- a worker that lives renews it; else it lapses
    if out_of_step('lease', task, id, 'it is running without a lease') then redis.call('ZADD', K.leases, at + lease, id) end
  elseif not running and redis.call('ZSCORE', K.leases, id) then
    if out_of_step('lease', task, id, 'it has a lease and is not running') then redis.call('ZREM', K.leases, id) end
  end
  local said = run.held
  if not is_held('r:' .. id, K.run(id), said, at, task, id) then run.held = nil end
  if run.status == 'retrying' and not run.held then
    local due = tonumber(redis.call('HGET', K.run(id), 'retry_at')) or at
    on_agenda(run, 'r:', due, 'its next attempt is not on the agenda')
  elseif run.status == 'queued' and said and not run.held then
    on_agenda(run, 'r:', at, 'nothing holds it, and its message is gone')
  elseif run.status ~= 'queued' and run.status ~= 'retrying' then
    leave_agenda('r:' .. id, task, id, 'a message is on the agenda, and it is ' .. run.status)
  end
  if run.expires and is_unstarted(run) then
    on_agenda(run, 'x:', run.expires, 'the moment at which it expires is not on the agenda')
  elseif run.status ~= 'queued' and run.status ~= 'waiting' then
    leave_agenda('x:' .. id, task, id, 'it is on the agenda to expire, and it is ' .. run.status)
  end
  if running and run.cancel then
    on_agenda(run, 'k:', at + lease, 'it was asked to end, and the end of its time for that is not on the agenda')
  else
    leave_agenda('k:' .. id, task, id, 'it is on the agenda to be ended, and nobody asked it to end')
  end
end

-- What stands in the books of its task (lib/open.lua).
local function audit_overlap(run, at)
  local key = K.run(run.id)
  if run.status == 'waiting' then
    if redis.call('ZSCORE', K.waiting(run.task), run.id) and run.open then return end
    if out_of_step('overlap', run.task, run.id, 'it waits, and is not among those that wait') then
      -- how many were made before it is forgotten: it goes first
      redis.call('ZADD', K.waiting(run.task), 'NX', 0, run.id)
      redis.call('HSET', key, 'open', 1)
      release(run.task, at)
    end
  elseif OPEN[run.status] and redis.pcall('HEXISTS', K.task(run.task), 'books') == 1 then
    if redis.call('SISMEMBER', K.open(run.task), run.id) == 1 and run.open then return end
    if out_of_step('overlap', run.task, run.id, 'it is not among the open runs of its task') then
      redis.call('SADD', K.open(run.task), run.id)
      redis.call('HSET', key, 'open', 1)
    end
  end
end
