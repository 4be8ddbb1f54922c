-- What:   what is due by now, with all that planning needs, in one trip. Changes nothing.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {limit, part? (which batch of so many, from 0; one of those that there are), now?}
-- Reply:  {now, moment of the next member that is not due or '', entry, ...}; an entry is
--         {member, due, fields...}: of a task (t:) def, rev, occ, status, occurrence; of a run's next
--         message (r:) def, attempt, failures, status, copies; of all else none
-- @include keys
-- @include now
-- @include text
local a = cmsgpack.unpack(ARGV[1])
local at = now(a.now)
local first = 0
if a.part and a.part > 0 then
  local parts = math.ceil(redis.call('ZCOUNT', K.agenda, '-inf', text(at)) / a.limit)
  first = parts > 1 and a.part % parts * a.limit or 0
end
local due = redis.call('ZRANGEBYSCORE', K.agenda, '-inf', text(at), 'WITHSCORES', 'LIMIT', first, a.limit)
local after = redis.call('ZRANGEBYSCORE', K.agenda, '(' .. text(at), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
local reply = {text(at), after[2] or ''}
for i = 1, #due, 2 do
  local id = string.sub(due[i], 3)
  local kind, h = string.sub(due[i], 1, 2), {}
  -- a key that holds something else than a hash is shown as empty, and stops nothing
  if kind == 't:' then
    h = redis.pcall('HMGET', K.task(id), 'def', 'rev', 'occ', 'status', 'occurrence')
  elseif kind == 'r:' then
    h = redis.pcall('HMGET', K.run(id), 'def', 'attempt', 'failures', 'status', 'copies')
  end
  reply[#reply + 1] = {due[i], due[i + 1], h[1] or false, h[2] or false, h[3] or false, h[4] or false, h[5] or false}
end
return reply
