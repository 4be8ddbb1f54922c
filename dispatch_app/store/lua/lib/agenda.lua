-- @include keys
-- Put a member on the agenda at `due`, and wake the sleeping schedulers if nothing was due earlier; take
-- one off it, or out of what a pause holds.
local function agenda_put(member, due)
  local head = redis.call('ZRANGE', K.agenda, 0, 0, 'WITHSCORES')
  redis.call('ZADD', K.agenda, due, member)
  if not head[2] or due < tonumber(head[2]) then redis.call('PUBLISH', K.wake, '') end
end

-- key: its record; held: what that says of the pause that holds it, if one does
local function agenda_drop(member, key, held)
  redis.call('ZREM', K.agenda, member)
  if not held then return end
  redis.call('ZREM', K.held(held), member)
  redis.call('HDEL', key, 'held')
end
