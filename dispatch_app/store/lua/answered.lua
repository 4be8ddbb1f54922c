-- What:   how a request with an idempotency key was answered; changes nothing, so that replicas can be asked
--         whether they have it (WAIT follows on the same connection).
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {idem {key, fingerprint}, now?}
-- Reply:  {'SAME', id, record} | {'MISMATCH'} (that was another request) | {'NONE'}
-- Keeps:  I7
-- @include keys
-- @include answer
local a = cmsgpack.unpack(ARGV[1])
return answered(a.idem) or {'NONE'}
