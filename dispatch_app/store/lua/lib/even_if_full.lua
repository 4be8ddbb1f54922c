-- @include keys
-- Called first by what keeps or frees what is stored already: it goes through on a server whose memory
-- is full, too. Redis refuses the first command that may need memory, but none once a script has
-- written; to take out what is not there is a write that it never refuses.
local function even_if_full() redis.call('ZREM', K.leases, '') end
