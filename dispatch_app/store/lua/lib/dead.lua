-- @include keys
-- @include letter
-- @include trim
-- A dead letter leaves the listings: it was replayed or dropped, or is too old, or one of too many. From
-- then on its run is one that has finished like any other. Returns whether it was one.
local function close_letter(id, keep)
  local h = redis.pcall('HMGET', K.run(id), 'died', 'type', 'task')
  if not (h[1] and h[2] and h[3]) then return false end
  unlist_letter(id, h[1], h[2], h[3])
  redis.call('HDEL', K.run(id), 'died')
  redis.call('LPUSH', K.done(h[3]), id)
  trim(h[3], keep)
  return true
end

-- Drop the oldest letters beyond `letters.keep`, and those older than `letters.age` ms; at most `most`
-- (10) at once. Returns how many went.
local function trim_letters(letters, keep, at, most)
  if not letters then return 0 end
  most = most or 10
  local members = redis.call('ZRANGEBYLEX', K.dead, '-', '(' .. letter_of('', at - letters.age), 'LIMIT', 0, most)
  local over = math.min(redis.call('ZCARD', K.dead) - letters.keep, most)
  if over > #members then members = redis.call('ZRANGE', K.dead, 0, over - 1) end
  for _, member in ipairs(members) do
    -- of a run that is gone, or no run, only the name is left
    if not close_letter(string.sub(member, 15), keep) then redis.call('ZREM', K.dead, member) end
  end
  return #members
end
