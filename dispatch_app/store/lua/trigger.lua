-- What:   runs now, beside the schedule: a trigger, another run in place of a finished one (if that is a
--         dead letter, it is one no more).
-- Needs:  the task exists and is not cancelled itself.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, type, runs[], keep? (finished runs), idem? {key, fingerprint}, now?}; at most 500 runs,
--         with an idempotency key one
-- Reply:  {'OK', ids under which they are found} | {'NOT_FOUND'} | {'CONFLICT', status} | {'SAME', id, record}
--         (the idempotency key made that run; the record as it was then) | {'MISMATCH'} (... for another request)
-- Event:  run.queued, run.waiting or run.skipped for each
-- Keeps:  I2, I7
-- @include keys
-- @include now
-- @include task_status
-- @include make_run
-- @include dead
-- @include answer
local a = cmsgpack.unpack(ARGV[1])
local before = answered(a.idem)
if before then return before end
local h = redis.call('HMGET', K.task(a.id), 'status', 'def', 'once', 'cancelled')
if not h[1] then return {'NOT_FOUND'} end
if is_cancelled(h[1], h[3], h[4]) then return {'CONFLICT', h[1]} end
local at, made = now(a.now), {}
for i, run in ipairs(a.runs) do
  local became
  made[i], became = make_run(a.id, a.type, h[2], run, at)
  if run.retry_of and became ~= 'skipped' then close_letter(run.retry_of, a.keep) end
end
answer(a.idem, made[1], K.run(made[1]))
return {'OK', made}
