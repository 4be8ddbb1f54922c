-- @include keys
-- What a request with an idempotency key was answered. It is kept for a day, as it was then, whatever becomes
-- of the thing itself.
-- idem: {key, fingerprint (of the request)}, or nothing: then neither does anything.
local KEPT = 86400

-- The reply to a request that was carried out before; nil if it was not.
local function answered(idem)
  if not idem then return nil end
  local seen = redis.call('HMGET', K.idempotency(idem.key), 'fingerprint', 'id', 'record')
  if not seen[1] then return nil end
  if seen[1] ~= idem.fingerprint then return {'MISMATCH'} end
  return {'SAME', seen[2], cjson.decode(seen[3])}
end

-- Keep that it is answered with what this key holds by now.
local function answer(idem, id, key)
  if not idem then return end
  local kept = K.idempotency(idem.key)
  redis.call('HSET', kept, 'fingerprint', idem.fingerprint, 'id', id, 'record', cjson.encode(redis.call('HGETALL', key)))
  redis.call('EXPIRE', kept, KEPT)
end
