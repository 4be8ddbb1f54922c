-- What:   the types that a worker knows, with their payload schemas; those that no worker has
--         announced for a day are forgotten.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {types[] of {name, JSON}, now?}
-- Reply:  {'OK'}
-- @include keys
-- @include now
local a = cmsgpack.unpack(ARGV[1])
local at = now(a.now)
local types, seen = P .. 'types', P .. 'types:seen'
for _, pair in ipairs(a.types) do
  redis.call('HSET', types, pair[1], pair[2])
  redis.call('ZADD', seen, at, pair[1])
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', at - 86400000, 'LIMIT', 0, 500)) do
  redis.call('ZREM', seen, name)
  redis.call('HDEL', types, name)
end
return {'OK'}
