-- @include keys
-- @include agenda
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
  redis.call('HSET', K.run(id), 'reason', reason)
  return true
end

-- Ask a running run to end by itself within `grace` ms, after which it is fenced; one that does not
-- run is cancelled at once. Returns whether there is nothing left to wait for.
local function ask_to_end(id, at, reason, grace)
  local run = read_run(id)
  if not run or run.status ~= 'running' then
    cancel_run(id, at, reason)
    return true
  end
  if not run.cancel then
    redis.call('HSET', K.run(id), 'cancel', reason)
    agenda_put('k:' .. id, at + grace)
  end
  return false
end
