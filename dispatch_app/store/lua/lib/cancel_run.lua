-- @include keys
-- @include agenda
-- @include event
-- @include text
-- @include move
-- @include read_run
-- @include close_attempt
-- An unfinished run to `cancelled`. A running one is fenced: its lease is gone, so a late finish
-- changes nothing, and its worker ends it at the next renewal.
local function cancel_run(id, at, reason)
  local run = read_run(id)
  local was = run and run.status
  if not run or not move(run, 'cancelled', at) then return false end
  if was == 'running' then
    close_attempt(run, {token = '', outcome = 'cancelled', failures = 0, lost = 0}, at)
  end
  -- who asked first, and why, stays
  redis.call('HSET', K.run(id), 'reason', run.cancel or reason)
  return true
end

-- Ask a running run to end by itself within `grace` ms, after which it is fenced; one that does not
-- run is cancelled at once, and without `grace` so is one that does. Once more shortens the grace, or
-- changes nothing. Returns whether there is nothing left to wait for, and whether it has ended by this.
local function ask_to_end(id, at, reason, grace)
  local run = read_run(id)
  if not grace or not run or run.status ~= 'running' then return true, cancel_run(id, at, reason) end
  local member = 'k:' .. id
  if not run.cancel then
    redis.call('HSET', K.run(id), 'cancel', reason, 'cancel_at', text(at))
    event('run.cancelling', run.task, id, run.status)
  end
  local due = run.cancel and redis.call('ZSCORE', K.agenda, member)
  if not due or at + grace < tonumber(due) then agenda_put(member, at + grace) end
  return false
end
