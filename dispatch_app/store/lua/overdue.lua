-- What:   runs whose time is over: too late to start (x:), or asked to end and still running when
--         their grace ends (k:); that one is fenced.
-- Needs:  the agenda still says what was read.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {entries[] of {member, due}, keep (finished runs of a task), now?}; at most 500
-- Reply:  number of runs that were ended
-- Event:  run.expired | run.cancelled
-- Keeps:  I5
-- @include keys
-- @include now
-- @include move
-- @include read_run
-- @include cancel_run
-- @include trim
local a = cmsgpack.unpack(ARGV[1])
local at, ended = now(a.now), 0

local function expire(run)
  if not move(run, 'expired', at) then return false end
  -- if it says already what it waited for, that is why
  redis.call('HSETNX', K.run(run.id), 'reason', 'it was not started in time')
  return true
end

for _, e in ipairs(a.entries) do
  local due = redis.call('ZSCORE', K.agenda, e.member)
  if due and tonumber(due) == e.due then
    redis.call('ZREM', K.agenda, e.member)
    local run, over = read_run(string.sub(e.member, 3)), false
    if run and string.sub(e.member, 1, 2) == 'x:' then
      over = expire(run)
    elseif run and run.cancel then
      over = cancel_run(run.id, at, run.cancel)
    end
    if over then
      trim(run.task, a.keep)
      ended = ended + 1
    end
  end
end
return ended
