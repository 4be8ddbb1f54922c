-- What:   stop everything, a queue or a type, or let it go on: what was held meanwhile is put before the
--         schedulers (agenda, `h:`) to be released. The same again is fine.
-- Needs:  room for another pause.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {scope (all, queue:<name> or type:<name>), pause, who, note, most (pauses that there
--         may be), now?}
-- Reply:  {'OK', record of the pause that is there, or was ('': none was), number of what it holds} | {'FULL'}
-- Event:  scope.paused | scope.resumed
-- Keeps:  I6
-- @include keys
-- @include now
-- @include text
-- @include agenda
-- @include event
local a = cmsgpack.unpack(ARGV[1])
local at, record = now(a.now), redis.call('HGET', K.paused, a.scope)
local held = redis.call('ZCARD', K.held(a.scope))

local function pause()
  local same = record and cjson.decode(record)
  if same and same.who == a.who and same.note == a.note then return end
  record = '{"who":' .. cjson.encode(a.who) .. ',"at":' .. text(at) .. ',"note":' .. cjson.encode(a.note) .. '}'
  redis.call('HSET', K.paused, a.scope, record)
  -- what the pause before has left goes on being held
  redis.call('ZREM', K.agenda, 'h:' .. a.scope)
  event('scope.paused', '', nil, a.scope)
end

local function resume()
  if redis.call('HDEL', K.paused, a.scope) == 1 then event('scope.resumed', '', nil, a.scope) end
  if held > 0 then agenda_put('h:' .. a.scope, at) end
end

if a.pause and not record and redis.call('HLEN', K.paused) >= a.most then return {'FULL'} end
if a.pause then pause() else resume() end
return {'OK', record or '', held}
