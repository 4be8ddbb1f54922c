-- What:   the next slice of a walk of the auditor for the scheduler that asks first, with where it begins.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {walk, lease (ms that the slice may take), now?}
-- Reply:  {ms to wait} (nothing is to be done before then) | {0, cursor ('': the beginning)}
-- @include keys
-- @include now
-- @include text
local a = cmsgpack.unpack(ARGV[1])
local at = now(a.now)
local h = redis.call('HMGET', K.audit, 'due:' .. a.walk, 'cursor:' .. a.walk)
local left = (tonumber(h[1]) or 0) - at
-- a moment that is further away than any is given was given by another clock
if left > 0 and left <= 86400000 then return {left} end
redis.call('HSET', K.audit, 'due:' .. a.walk, text(at + a.lease))
return {0, h[2] or ''}
