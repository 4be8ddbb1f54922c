-- What:   runs now, beside the schedule: a trigger, a backfill, another run in place of a finished one.
-- Needs:  the task exists and is not cancelled.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, type, runs[], now?}; at most 500 runs
-- Reply:  {'OK', ids under which they are found} | {'NOT_FOUND'} | {'CONFLICT', status}
-- Event:  run.queued, run.waiting or run.skipped for each
-- Keeps:  I2
-- @include keys
-- @include now
-- @include make_run
local a = cmsgpack.unpack(ARGV[1])
local h = redis.call('HMGET', K.task(a.id), 'status', 'def')
if not h[1] then return {'NOT_FOUND'} end
if h[1] == 'cancelled' then return {'CONFLICT', h[1]} end
local at, made = now(a.now), {}
for i, run in ipairs(a.runs) do made[i] = make_run(a.id, a.type, h[2], run, at) end
return {'OK', made}
