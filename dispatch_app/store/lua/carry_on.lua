-- What:   the next piece of a backfill: its runs, and where it stands then.
-- Needs:  the agenda, the cursor and the task's definition are still what was read, and nobody has
--         cancelled it.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, due, was (cursor, text), rev, type, runs[], cursor, next? (when it goes on; none:
--         that was all), fault? (why it cannot go on), now?}; at most 100 runs
-- Reply:  1 | 0 (somebody was faster)
-- Event:  run.queued, run.waiting or run.skipped for each run
-- Keeps:  I1, I2
-- @include keys
-- @include now
-- @include text
-- @include agenda
-- @include make_run
-- @include backfill
local a = cmsgpack.unpack(ARGV[1])
local key, member, at = K.backfill(a.id), 'b:' .. a.id, now(a.now)
local due = redis.call('ZSCORE', K.agenda, member)
if not due or tonumber(due) ~= a.due then return 0 end
local h = redis.call('HMGET', key, 'status', 'cursor', 'task')
local t = redis.pcall('HMGET', K.task(h[3] or ''), 'def', 'rev')
if h[1] ~= 'running' or not t[1] then
  redis.call('ZREM', K.agenda, member)
  return 0
end
if h[2] ~= a.was or (t[2] or '') ~= a.rev then return 0 end
redis.call('ZREM', K.agenda, member)
redis.call('HINCRBY', key, 'made', #a.runs)
redis.call('HSET', key, 'cursor', text(a.cursor))
for _, run in ipairs(a.runs) do
  local _, became = make_run(h[3], a.type, t[1], run, at)
  if became == 'skipped' then count_in_backfill(a.id, became, at) end
end
if a.fault then
  end_backfill(a.id, 'failed', at, a.fault)
elseif a.next then
  agenda_put(member, a.next)
else
  redis.call('HSET', key, 'all', 1)
  end_if_over(a.id, at)
end
return 1
