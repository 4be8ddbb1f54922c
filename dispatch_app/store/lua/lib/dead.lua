-- @include keys
-- @include letter
-- @include trim
-- @include forget_run
-- A dead letter leaves the listings: it was replayed or dropped, or is too old, or one of too many. From
-- then on its run is one that has finished like any other. Returns whether it was one.
-- died: when it died by the listing, where that is known; of a key that is no record, or a record that
-- is gone, only the listing knows
local function close_letter(id, keep, died)
  local h = redis.pcall('HMGET', K.run(id), 'died', 'type', 'task')
  if died and not h[1] then
    if h.err then forget_run(id) end
    return redis.call('ZREM', K.dead, letter_of(id, died)) == 1
  end
  if not (died or tonumber(h[1] or '')) then return false end
  unlist_letter(id, died or h[1], h[2], h[3])
  redis.call('HDEL', K.run(id), 'died')
  if h[3] then
    redis.call('LPUSH', K.done(h[3]), id)
    trim(h[3], keep)
  end
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
    close_letter(string.sub(member, 15), keep, tonumber(string.sub(member, 1, 13)))
    redis.call('ZREM', K.dead, member)
  end
  return #members
end
