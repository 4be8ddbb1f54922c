-- The moment in ms: the caller's (tests, backfill) or the server's TIME. No host's clock counts.
local function now(given)
  if given then return given end
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
