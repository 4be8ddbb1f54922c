-- What:   queued runs whose message is neither in its queue nor held by a worker are put on the agenda, so
--         that a scheduler sends it again. A queue hands out the oldest first: a message that was sent
--         before the one that comes next is in it no longer. A message too many does no harm.
-- Needs:  the run is queued at this very attempt, and nothing else will send its message.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {entries[] of {id, attempt, queue, tags[] (delivery tags of its last messages)}, unacked
--         (key of the broker), untold (ms after which one is sent again of which nothing can be told),
--         mend, now?}; at most 200 entries
-- Reply:  {kind, task, run, words}[]
-- Event:  audit.mended for each
-- @include keys
-- @include now
-- @include agenda
-- @include read_run
-- @include audit
local NEXT = 20
local a = cmsgpack.unpack(ARGV[1])
local at, queues = now(a.now), {}
audit.mend = a.mend

local function sent(id)
  local h = redis.pcall('HMGET', K.run(id), 'queued', 'sent', 'attempt')
  return math.max(tonumber(h[1]) or 0, tonumber(h[2]) or 0), tonumber(h[3])
end

-- What comes next in a queue: runs by their ids, and when the first message of ours was sent. Those of
-- other programs, and of attempts that are over, say nothing.
local function look_into(queue)
  local found, messages = {ids = {}}, redis.call('LRANGE', queue, -NEXT, -1)
  found.empty = #messages == 0
  for i = #messages, 1, -1 do
    local ok, message = pcall(cjson.decode, messages[i])
    local headers = ok and type(message) == 'table' and message.headers
    if type(headers) == 'table' and headers.dispatch_attempt and type(headers.id) == 'string' then
      local moment, attempt = sent(headers.id)
      found.ids[headers.id .. '/' .. tostring(headers.dispatch_attempt)] = true
      if not found.since and attempt == headers.dispatch_attempt then found.since = moment end
    end
  end
  return found
end

local function is_lost(e)
  for _, tag in ipairs(e.tags) do
    if redis.call('HEXISTS', a.unacked, tag) == 1 then return false end
  end
  queues[e.queue] = queues[e.queue] or look_into(e.queue)
  local queue, moment = queues[e.queue], sent(e.id)
  if queue.empty then return true end
  if queue.ids[e.id .. '/' .. tostring(e.attempt)] then return false end
  if queue.since then return moment < queue.since end
  return at - moment > a.untold
end

for _, e in ipairs(a.entries) do
  local run = read_run(e.id)
  if run and run.status == 'queued' and run.attempt == e.attempt and not run.held
    and not redis.call('ZSCORE', K.agenda, 'r:' .. e.id) and is_lost(e)
    and out_of_step('message', run.task, e.id, 'its message was lost') then
    agenda_put('r:' .. e.id, at)
    redis.pcall('HINCRBY', K.run(e.id), 'resent', 1)
  end
end
return audit.found
