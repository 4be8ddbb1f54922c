-- What:   runs whose lease has lapsed, with all that their next attempt needs. Changes nothing. One that
--         lasts longer than any is given has lapsed too: its holder is gone since before the clock was set
--         back, or it would have renewed it since.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {limit, longest (ms that a lease may last)?, now?}
-- Reply:  entries {id, lease, def, attempt, failures, lost, age (ms since it was first queued)}
-- @include keys
-- @include now
-- @include text
local a = cmsgpack.unpack(ARGV[1])
local at, reply = now(a.now), {}

local function take(from, to)
  local ids = redis.call('ZRANGEBYSCORE', K.leases, from, to, 'WITHSCORES', 'LIMIT', 0, a.limit - #reply)
  for i = 1, #ids, 2 do
    local h = redis.pcall('HMGET', K.run(ids[i]), 'def', 'attempt', 'failures', 'lost', 'first', 'queued')
    local age = text(at - (tonumber(h[5] or h[6]) or at))
    reply[#reply + 1] = {ids[i], ids[i + 1], h[1] or false, h[2] or false, h[3] or false, h[4] or false, age}
  end
end

take('-inf', at)
if a.longest then take('(' .. text(at + a.longest), '+inf') end
return reply
