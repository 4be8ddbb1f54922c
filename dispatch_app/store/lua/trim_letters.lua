-- What:   dead letters that are too old, or too many, leave the listings, the oldest first.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {letters {keep, age (ms)}, keep (finished runs of a task), limit (at most 500), now?}
-- Reply:  how many went (call again while it is `limit`)
-- Keeps:  I10
-- @include keys
-- @include now
-- @include dead
-- @include even_if_full
local a = cmsgpack.unpack(ARGV[1])
even_if_full()
return trim_letters(a.letters, a.keep, now(a.now), a.limit)
