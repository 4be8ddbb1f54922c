-- What:   a piece of what a pause held goes back to the agenda with the moment that it had, so that
--         misfire policies decide; the message of a run is sent again.
-- Needs:  that pause has ended. If there is another of its scope, all stays held.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {scope, limit (at most 500)}
-- Reply:  number of members that went back
-- Keeps:  I6
-- @include keys
-- @include agenda
local a = cmsgpack.unpack(ARGV[1])
local held, member = K.held(a.scope), 'h:' .. a.scope

local function go_back(name, due)
  local id = string.sub(name, 3)
  if string.sub(name, 1, 2) == 't:' then
    redis.pcall('HDEL', K.task(id), 'held')
  else
    redis.pcall('HDEL', K.run(id), 'held', 'reason')
  end
  agenda_put(name, due)
end

if redis.call('HEXISTS', K.paused, a.scope) == 1 then
  redis.call('ZREM', K.agenda, member)
  return 0
end
local found = redis.call('ZRANGE', held, 0, a.limit - 1, 'WITHSCORES')
for i = 1, #found, 2 do go_back(found[i], tonumber(found[i + 1])) end
redis.call('ZREMRANGEBYRANK', held, 0, a.limit - 1)
if redis.call('EXISTS', held) == 0 then redis.call('ZREM', K.agenda, member) end
return #found / 2
