-- @include keys
-- @include agenda
-- Pauses of everything, of queues and of types: what comes due meanwhile is kept, with the moment that
-- it has, until its pause ends. Who takes a member off the agenda takes it from there too (agenda_drop).
local any_pause

-- The scope of the pause that stands in the way of a queue and a type, and its record; nil: none does.
local function paused_by(queue, type)
  -- once a script: where nothing is paused, this is all that it costs
  if any_pause == nil then any_pause = redis.call('EXISTS', K.paused) == 1 end
  if not any_pause then return nil end
  local scopes = {'all', 'queue:' .. queue, 'type:' .. type}
  local found = redis.call('HMGET', K.paused, unpack(scopes))
  for i, scope in ipairs(scopes) do
    if found[i] then return scope, found[i] end
  end
  return nil
end

-- Why what a pause holds does not run.
local function pause_reason(scope, pause)
  local kind, name = string.match(scope, '^(%a+):(.*)$')
  local what = kind and 'the ' .. kind .. ' ' .. name .. ' is paused' or 'everything is paused'
  local note = cjson.decode(pause).note
  return note == '' and what or what .. ': ' .. note
end

-- key: the member's record; held: what that says of the pause that holds it already, if one does
local function hold(scope, member, key, due, held)
  agenda_drop(member, key, held)
  redis.call('ZADD', K.held(scope), due, member)
  redis.call('HSET', key, 'held', scope)
end
