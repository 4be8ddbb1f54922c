-- What:   another run in place of each of these dead letters, which leave the listings. With `space` the
--         messages are put on the agenda, so far apart, after those of earlier replays.
-- Needs:  it is a dead letter still, its task exists and is not cancelled itself, and where its task has an
--         overlap policy there is room to wait. Else it stays as it is.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {entries[] of {id, task, type, run (with its def)}, space? (ms), keep (finished runs of a task),
--         idem? {key, fingerprint}, now?}; at most 100 entries, with an idempotency key one
-- Reply:  for each 'OK' | 'GONE' | 'NO_TASK' | 'CANCELLED' | 'FULL' | 'DAMAGED'; or {'SAME', id, record} (the
--         idempotency key made that run; the record as it was then) | {'MISMATCH'} (... for another request)
-- Event:  run.queued or run.waiting for each that is replayed
-- Keeps:  I2, I7
-- @include keys
-- @include now
-- @include text
-- @include later
-- @include read_run
-- @include task_status
-- @include make_run
-- @include dead
-- @include answer
-- @include must_write
local a = cmsgpack.unpack(ARGV[1])
local before = answered(a.idem)
if before then return before end
local at = now(a.now)
local after = a.space and math.max(at, tonumber(redis.call('GET', K.replays)) or 0)

-- Why it stays, if it does.
local function refusal(e)
  local h = redis.pcall('HMGET', K.run(e.id), 'died', 'task')
  -- one that could not leave the listings would be replayed again and again
  if h.err or (h[1] and not (h[2] and tonumber(h[1]))) then return 'DAMAGED' end
  if not h[1] or h[2] ~= e.task then return 'GONE' end
  local t = redis.pcall('HMGET', K.task(e.task), 'status', 'once', 'cancelled')
  if t.err then return 'DAMAGED' end
  if not t[1] then return 'NO_TASK' end
  if is_cancelled(t[1], t[2], t[3]) then return 'CANCELLED' end
  local overlap = e.run.overlap
  return overlap and redis.call('ZCARD', K.waiting(e.task)) >= overlap.most and 'FULL'
end

local function replay(e)
  local r = e.run
  if after then
    r.due = math.floor(after)
    if r.expires then r.expires = r.expires + r.due - r.at end
    r.at = r.due
  end
  local _, became = make_run(e.task, e.type, r.def, r, at)
  close_letter(e.id, a.keep)
  if after and became == 'queued' then after = after + a.space end
end

local replies = {}
for i, e in ipairs(a.entries) do
  local why = refusal(e)
  if not why then must_write() end
  if not why and not pcall(replay, e) then why = 'DAMAGED' end
  replies[i] = why or 'OK'
end
-- what was put off by one that stumbled
flush()
if after and after > at then redis.call('SET', K.replays, text(after), 'PX', text(math.ceil(after - at))) end
if replies[1] == 'OK' then answer(a.idem, a.entries[1].run.id, K.run(a.entries[1].run.id)) end
return replies
