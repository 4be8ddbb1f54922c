-- What:   a queued run whose message reached a worker that does not know its type: the message is
--         sent again later, and the run says why it waits; too late to start, it expires.
-- Needs:  the run is queued at this very attempt.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, attempt, delay (ms), reason, keep (finished runs), now?}
-- Reply:  {'OK'} | {'STALE'}
-- Event:  run.expired
-- @include keys
-- @include now
-- @include agenda
-- @include move
-- @include read_run
-- @include trim
local a = cmsgpack.unpack(ARGV[1])
local run, at = read_run(a.id), now(a.now)
if not run or run.status ~= 'queued' or run.attempt ~= a.attempt then return {'STALE'} end
redis.call('HSET', K.run(a.id), 'reason', a.reason)
local expires = redis.call('HGET', K.run(a.id), 'expires')
if expires and at > tonumber(expires) then
  move(run, 'expired', at)
  trim(run.task, a.keep)
elseif not run.held then
  -- else the end of the pause that holds it sends the message
  agenda_put('r:' .. a.id, at + a.delay)
end
return {'OK'}
