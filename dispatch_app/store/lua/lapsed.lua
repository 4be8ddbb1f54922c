-- What:   runs whose lease has lapsed, with all that their next attempt needs. Changes nothing.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {limit, now?}
-- Reply:  entries {id, lease, def, attempt, failures, lost}
-- @include keys
-- @include now
local a = cmsgpack.unpack(ARGV[1])
local reply = {}
local ids = redis.call('ZRANGEBYSCORE', K.leases, '-inf', now(a.now), 'WITHSCORES', 'LIMIT', 0, a.limit)
for i = 1, #ids, 2 do
  local h = redis.pcall('HMGET', K.run(ids[i]), 'def', 'attempt', 'failures', 'lost')
  reply[#reply + 1] = {ids[i], ids[i + 1], h[1] or false, h[2] or false, h[3] or false, h[4] or false}
end
return reply
