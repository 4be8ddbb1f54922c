-- What:   the next moments of a piece of tasks, after a calendar or the zone data has changed.
-- Needs:  of each task: definition and next moment are still what was read; and the change is still the
--         one that was read.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {member, due, cursor? (up to which it is done; none: that was all), entries[] of {id,
--         rev, was (next moment, text), next?, occurrence?, park?}}; at most 200 entries
-- Reply:  number of tasks that were planned anew, and one for the piece; 0: somebody was faster
-- Event:  task.paused (parked)
-- Keeps:  I6, I9
-- @include keys
-- @include text
-- @include agenda
-- @include event
-- @include task_status
local a = cmsgpack.unpack(ARGV[1])
local due = redis.call('ZSCORE', K.agenda, a.member)
if not due or tonumber(due) ~= a.due then return 0 end

local function park(id, key, note, held)
  agenda_drop('t:' .. id, key, held)
  redis.call('HSET', key, 'note', note)
  task_status(id, 'paused')
  event('task.paused', id, nil, 'paused')
end

local function plan_anew(e)
  local key = K.task(e.id)
  local h = redis.pcall('HMGET', key, 'rev', 'next', 'status', 'held')
  if h[1] ~= e.rev or h[2] ~= e.was then return 0 end
  if e.park then
    park(e.id, key, e.park, h[4])
    return 1
  end
  redis.call('HSET', key, 'next', text(e.next))
  if e.occurrence then
    redis.call('HSET', key, 'occurrence', text(e.occurrence))
  else
    redis.call('HDEL', key, 'occurrence')
  end
  if h[4] then
    redis.call('ZADD', K.held(h[4]), e.next, 't:' .. e.id)
  elseif h[3] == 'scheduled' then
    agenda_put('t:' .. e.id, e.next)
  end
  return 1
end

local planned = 1
for _, e in ipairs(a.entries) do planned = planned + plan_anew(e) end
if a.cursor then
  redis.call('HSET', K.replans, a.member, a.cursor)
else
  redis.call('HDEL', K.replans, a.member)
  redis.call('ZREM', K.agenda, a.member)
end
return planned
