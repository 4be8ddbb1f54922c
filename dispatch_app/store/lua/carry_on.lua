-- What:   the next piece of a backfill: its runs, and where it stands then. What a run of it stumbles over
--         (a damaged record) ends it as failed; those before it are whole.
-- Needs:  the agenda is still what was read; so are the cursor and the task's definition, if they are
--         given; nobody has cancelled it; and there is room for what waits.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, due, was? (cursor, text), rev?, type, runs[]?, cursor, next? (when it goes on; none:
--         that was all), fault? (why it cannot go on), now?}; at most 100 runs
-- Reply:  1 | 0 (somebody was faster)
-- Event:  run.queued, run.waiting or run.skipped for each run
-- Keeps:  I1, I2, I9
-- @include keys
-- @include now
-- @include text
-- @include agenda
-- @include later
-- @include make_run
-- @include backfill
local a = cmsgpack.unpack(ARGV[1])
a.runs = a.runs or {}
local key, member, at = K.backfill(a.id), 'b:' .. a.id, now(a.now)
local due = redis.call('ZSCORE', K.agenda, member)
if not due or tonumber(due) ~= a.due then return 0 end
local h = redis.pcall('HMGET', key, 'status', 'cursor', 'task')
if h[1] ~= 'running' then
  redis.call('ZREM', K.agenda, member)
  return 0
end
local t = redis.pcall('HMGET', K.task(h[3] or ''), 'def', 'rev')
if not t[1] then
  end_backfill(a.id, 'failed', at, a.fault or 'Its task has no definition.')
  return 1
end
if a.was and (h[2] ~= a.was or (t[2] or '') ~= a.rev) then return 0 end

-- Whether those that will have to wait still find the room that was there when they were counted.
local function has_room()
  local overlap = a.runs[1] and a.runs[1].overlap
  if not overlap or overlap.policy ~= 'buffer_all' then return true end
  return redis.call('ZCARD', K.waiting(h[3])) + #a.runs <= overlap.most
end
if not has_room() then return 0 end

local function make_all()
  for _, run in ipairs(a.runs) do
    local _, became = make_run(h[3], a.type, t[1], run, at)
    redis.call('HINCRBY', key, 'made', 1)
    if became == 'skipped' then count_in_backfill(a.id, became, at) end
  end
end

redis.call('ZREM', K.agenda, member)
redis.call('HSET', key, 'cursor', text(a.cursor))
local ok, failure = pcall(make_all)
flush()
if a.fault or not ok then
  local note = a.fault or 'A record is damaged: ' .. (type(failure) == 'table' and failure.err or tostring(failure))
  end_backfill(a.id, 'failed', at, note)
elseif a.next then
  agenda_put(member, a.next)
else
  redis.call('HSET', key, 'all', 1)
  end_if_over(a.id, at)
end
return 1
