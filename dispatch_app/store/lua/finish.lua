-- What:   the end of an attempt, by its token only: result or error, history, and what follows: the
--         end, or the next attempt on the agenda.
-- Needs:  the run is running under this token. The same token again is told OK: the caller's first
--         try arrived although its reply was lost.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, token, status, outcome, result?, error? (JSON), reason?, delay? (ms),
--         failures, lost (to add), def? (of the next attempts), keep (finished runs of its task),
--         letters? {keep, age (ms)} (of dead letters), now?}; to `queued` it is handed
--         back and keeps its attempt; if its message is not taken within `delay`, another one is sent
-- Reply:  {'OK', status} | {'LOST'}
-- Event:  run.<status>; whatever a run came to that was asked to end, it is cancelled
-- Keeps:  I3, I5
-- @include keys
-- @include now
-- @include text
-- @include agenda
-- @include move
-- @include read_run
-- @include close_attempt
-- @include trim
-- @include dead
-- @include even_if_full
local a = cmsgpack.unpack(ARGV[1])
even_if_full()
local key, run, at = K.run(a.id), read_run(a.id), now(a.now)
if not run then return {'LOST'} end
if run.status ~= 'running' or run.token ~= a.token then
  if redis.call('HGET', key, 'closed') == a.token then return {'OK', run.status} end
  return {'LOST'}
end
if run.cancel then a.status, a.outcome, a.reason = 'cancelled', 'cancelled', run.cancel end
local duration = close_attempt(run, a, at)
move(run, a.status, at, FINISHED[a.status] and duration)
if a.def then redis.call('HSET', key, 'def', a.def) end
if a.status == 'retrying' then
  redis.call('HSET', key, 'retry_at', text(at + a.delay))
  agenda_put('r:' .. a.id, at + a.delay)
elseif a.status == 'queued' then
  -- its worker puts the message back, unless it is killed before: then another one is sent
  agenda_put('r:' .. a.id, at + a.delay)
end
if FINISHED[a.status] then trim(run.task, a.keep) end
if a.status == 'failed' then trim_letters(a.letters, a.keep, at) end
return {'OK', a.status}
