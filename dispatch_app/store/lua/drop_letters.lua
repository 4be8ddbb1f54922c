-- What:   these dead letters leave the listings without another run.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {ids[], listed? (id -> when it died, of those whose record does not say it), keep (finished runs of a
--         task)}; at most 500
-- Reply:  how many were dead letters
-- @include keys
-- @include dead
-- @include even_if_full
local a = cmsgpack.unpack(ARGV[1])
even_if_full()
local dropped = 0
for _, id in ipairs(a.ids) do
  if close_letter(id, a.keep, a.listed and a.listed[id]) then dropped = dropped + 1 end
end
return dropped
