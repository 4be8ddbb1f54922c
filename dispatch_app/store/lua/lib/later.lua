-- Writes that nothing else in the script reads, put off: then one call for all that goes to one key, in
-- the order in which it came. Whoever puts off calls flush(), also where something failed in between.
local SLOTS = {}
local function later(command, key, a, b)
  local name = command .. key
  local slot = SLOTS[name]
  if not slot then
    slot = {command, key}
    SLOTS[name], SLOTS[#SLOTS + 1] = slot, slot
  end
  slot[#slot + 1] = a
  slot[#slot + 1] = b
end

local function flush()
  for _, slot in ipairs(SLOTS) do
    -- unpack() has room for about 8,000; an even number, as scores go with members
    for first = 3, #slot, 4000 do
      redis.call(slot[1], slot[2], unpack(slot, first, math.min(first + 3999, #slot)))
    end
  end
  SLOTS = {}
end
