-- @include keys
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
