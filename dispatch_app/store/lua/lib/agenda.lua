-- @include keys
-- Put a member on the agenda at `due`, and wake the sleeping schedulers if nothing was due earlier.
local function agenda_put(member, due)
  local head = redis.call('ZRANGE', K.agenda, 0, 0, 'WITHSCORES')
  redis.call('ZADD', K.agenda, due, member)
  if not head[2] or due < tonumber(head[2]) then redis.call('PUBLISH', K.wake, '') end
end
