-- @include keys
-- Called before a pcall around what writes first: a server that is full, read-only or cannot save says so
-- here, where it is not taken for a damaged record. It refuses nothing once a script has written; this
-- changes nothing, and is refused like what needs memory.
local function must_write() redis.call('ZADD', K.leases, 'XX', 0, '') end
