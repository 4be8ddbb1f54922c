-- What:   leases that ran out: the run gets its next attempt and message at once, or after a moment on
--         the agenda, or ends.
-- Needs:  the lease is still the one that was read.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {entries[] of {id, lease, queue?, message?, delay? (ms; neither: it ends), error (JSON),
--         reason? (why it ends)}, keep, letters? {keep, age (ms)} (of dead letters), now?}
-- Reply:  number of runs that were taken care of
-- Event:  run.queued | run.retrying | run.failed | run.cancelled (it had been asked to end)
-- Keeps:  I3, I4
-- @include keys
-- @include now
-- @include text
-- @include agenda
-- @include move
-- @include read_run
-- @include close_attempt
-- @include enqueue
-- @include trim
-- @include dead
local a = cmsgpack.unpack(ARGV[1])
local at, reaped = now(a.now), 0
for _, e in ipairs(a.entries) do
  local lease = redis.call('ZSCORE', K.leases, e.id)
  local lapsed = lease and tonumber(lease) == e.lease
  local run = lapsed and read_run(e.id)
  if run and run.status == 'running' then
    -- closed by no token: a late finish of its holder is told that it is lost, not that all is well
    close_attempt(run, {token = '', outcome = 'lost', error = e.error, failures = 0, lost = 1,
      reason = e.reason, status = e.delay and 'retrying', delay = e.delay}, at)
    if run.cancel then
      move(run, 'cancelled', at)
      redis.call('HSET', K.run(e.id), 'reason', run.cancel)
      trim(run.task, a.keep)
    elseif e.message then
      redis.call('HSET', K.run(e.id), 'attempt', run.attempt + 1, 'queued', text(at))
      redis.call('HDEL', K.run(e.id), 'worker', 'started')
      move(run, 'queued', at)
      enqueue(e.queue, e.message)
    elseif e.delay then
      move(run, 'retrying', at)
      redis.call('HSET', K.run(e.id), 'retry_at', text(at + e.delay))
      agenda_put('r:' .. e.id, at + e.delay)
    else
      move(run, 'failed', at)
      trim_letters(a.letters, a.keep, at)
    end
    reaped = reaped + 1
  elseif lapsed then
    -- of a run that is gone, or no run
    redis.call('ZREM', K.leases, e.id)
  end
end
return reaped
