-- What:   whether a task is still as it was read; changes nothing, so that replicas can be asked whether
--         they have it (WAIT follows on the same connection).
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, rev, now?}
-- Reply:  {'OK'} | {'NOT_FOUND'} | {'CHANGED'}
-- @include keys
local a = cmsgpack.unpack(ARGV[1])
local rev = redis.call('HGET', K.task(a.id), 'rev')
if not rev then return {'NOT_FOUND'} end
return {tonumber(rev) == a.rev and 'OK' or 'CHANGED'}
