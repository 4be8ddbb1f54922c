-- What:   one run is cancelled; if it is running, it is fenced.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, reason, keep (finished runs of its task), now?}
-- Reply:  {'OK'} (also if it is cancelled already) | {'NOT_FOUND'} | {'ENDED', status}
-- Event:  run.cancelled
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
if not run then return {'NOT_FOUND'} end
if run.status == 'cancelled' then return {'OK'} end
if not cancel_run(a.id, now(a.now), a.reason) then return {'ENDED', run.status} end
trim(run.task, a.keep)
return {'OK'}
