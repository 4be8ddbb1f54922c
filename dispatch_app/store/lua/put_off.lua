-- What:   a member of the agenda that this program does not know is due later, so that it stands in
--         nobody's way.
-- Needs:  the agenda still says what was read.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {member, due, until (ms)}
-- Reply:  1 | 0 (somebody was faster)
-- @include keys
local a = cmsgpack.unpack(ARGV[1])
local due = redis.call('ZSCORE', K.agenda, a.member)
if not due or tonumber(due) ~= a.due then return 0 end
redis.call('ZADD', K.agenda, a['until'], a.member)
return 1
