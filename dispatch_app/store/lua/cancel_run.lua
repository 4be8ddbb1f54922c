-- What:   one run is cancelled; if it is running, it is asked to end, or fenced.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, reason, grace? (ms that it has to end by itself; none: it is fenced at
--         once), keep (finished runs of its task), now?}
-- Reply:  {'OK'} (also if it is cancelled already) | {'ASKED'} (it is to end) | {'NOT_FOUND'} |
--         {'DAMAGED'} (its key holds no record) | {'ENDED', status}
-- Event:  run.cancelled | run.cancelling
-- Keeps:  I5
-- @include keys
-- @include now
-- @include read_run
-- @include cancel_run
-- @include trim
-- @include even_if_full
local a = cmsgpack.unpack(ARGV[1])
even_if_full()
local run = read_run(a.id)
if not run then return {redis.call('EXISTS', K.run(a.id)) == 1 and 'DAMAGED' or 'NOT_FOUND'} end
if run.status == 'cancelled' then return {'OK'} end
local over, ended = ask_to_end(a.id, now(a.now), a.reason, a.grace)
if not over then return {'ASKED'} end
if not ended then return {'ENDED', run.status} end
trim(run.task, a.keep)
return {'OK'}
