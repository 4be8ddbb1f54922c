-- What:   the types that a worker knows, with their payload schemas; those that no worker has
--         announced for a day are forgotten.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {types[] of {name, JSON}, now?}
-- Reply:  {'OK'}
-- @include keys
-- @include now
local a = cmsgpack.unpack(ARGV[1])
local at = now(a.now)
for _, pair in ipairs(a.types) do
  redis.call('HSET', K.types, pair[1], pair[2])
  redis.call('ZADD', K.types_seen, at, pair[1])
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', K.types_seen, '-inf', at - 86400000, 'LIMIT', 0, 500)) do
  redis.call('ZREM', K.types_seen, name)
  redis.call('HDEL', K.types, name)
end
return {'OK'}
