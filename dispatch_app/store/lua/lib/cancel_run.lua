-- @include keys
-- @include move
-- @include read_run
-- An unfinished run to `cancelled`. A running one is fenced: its lease is gone, so a late finish
-- changes nothing, and its worker ends it at the next renewal.
local function cancel_run(id, at, reason)
  local run = read_run(id)
  if not run or not move(run, 'cancelled', at) then return false end
  redis.call('HSET', K.run(id), 'reason', reason)
  return true
end
