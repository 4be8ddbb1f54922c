-- What:   a worker or a scheduler says that it lives, and what it is; those long gone are dropped.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {kind, name, info (JSON), ttl (ms), gone? (it says goodbye), now?}
-- Reply:  now
-- @include keys
-- @include now
-- @include text
-- @include even_if_full
local a = cmsgpack.unpack(ARGV[1])
local at = now(a.now)
even_if_full()
local seen, info = K.beats(a.kind), K.beats_info(a.kind)
for _, name in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', at - 300000, 'LIMIT', 0, 100)) do
  redis.call('ZREM', seen, name)
  redis.call('HDEL', info, name)
end
if a.gone then
  redis.call('ZREM', seen, a.name)
  redis.call('HDEL', info, a.name)
else
  redis.call('ZADD', seen, at + a.ttl, a.name)
  redis.call('HSET', info, a.name, a.info)
end
return text(at)
