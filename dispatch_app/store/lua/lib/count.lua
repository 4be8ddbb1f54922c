-- @include keys
-- Counters of this minute: runs of a type that came to a status and, for a finished run, how long
-- it ran, in buckets of powers of two from 1 ms. `runs`: how many came there, if not one.
local function count(type, status, at, duration, runs)
  local key = K.stats(math.floor(at / 60000))
  local first = redis.call('HINCRBY', key, type .. '|' .. status, runs or 1)
  if duration then
    local bucket = 1
    while bucket < duration do bucket = bucket * 2 end
    redis.call('HINCRBY', key, type .. '|le:' .. string.format('%.0f', bucket), 1)
  end
  if first == (runs or 1) then redis.call('EXPIRE', key, 10800) end
end
