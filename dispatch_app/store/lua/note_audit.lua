-- What:   how far a walk of the auditor is, what it came upon, and when it goes on.
-- Needs:  it still stands where this slice began.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {walk, was (cursor), cursor ('': it has come to its end), wait (ms), found {kind = count}, now?}
-- Reply:  1 | 0 (somebody was faster)
-- @include keys
-- @include now
-- @include text
local a = cmsgpack.unpack(ARGV[1])
local at = now(a.now)
for kind, much in pairs(a.found) do redis.call('HINCRBY', K.audit, 'found:' .. kind, much) end
if (redis.call('HGET', K.audit, 'cursor:' .. a.walk) or '') ~= a.was then return 0 end
redis.call('HSET', K.audit, 'cursor:' .. a.walk, a.cursor, 'due:' .. a.walk, text(at + a.wait))
if a.cursor == '' then redis.call('HSET', K.audit, 'finished:' .. a.walk, text(at)) end
return 1
