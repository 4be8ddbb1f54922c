-- What:   take the lease of this attempt and hand over what to do, or say why not.
-- Needs:  the run is queued at this very attempt. The same token again gets the same answer, so that
--         a caller whose reply was lost may ask again.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, attempt, token, by? (the process that asks), worker, queue? (from which the
--         message came; else what its definition says), lease (ms), keep (finished runs), now?}
-- Reply:  {'OK', since when, task, def, failures, lost, at, origin, queued (for its first attempt)} |
--         {'NOT_FOUND'} | {'STALE'} (another attempt is on) | {'HELD'} (another worker has it, or
--         another process of this one) | {'FINISHED', status} | {'EXPIRED'} | {'PAUSED', scope} (it is held: when that pause ends,
--         its message is sent again)
-- Event:  run.running | run.expired
-- Keeps:  I3, I5
-- @include keys
-- @include now
-- @include text
-- @include hold
-- @include move
-- @include read_run
-- @include trim
-- @include even_if_full
local a = cmsgpack.unpack(ARGV[1])

local function queue_of(def)
  local ok, task = pcall(cjson.decode, def)
  return ok and type(task) == 'table' and task.queue or ''
end

even_if_full()
local run = read_run(a.id)
if not run then return {'NOT_FOUND'} end
if run.attempt ~= a.attempt or run.status == 'retrying' then return {'STALE'} end
if FINISHED[run.status] then return {'FINISHED', run.status} end
local key, at = K.run(a.id), now(a.now)
local h = redis.call('HMGET', key, 'def', 'failures', 'lost', 'at', 'origin', 'expires', 'first', 'queued', 'started',
  'reason', 'by')
local began = at
if run.status == 'running' then
  -- a pool gives a delivery to another process if one died so soon that it had not said that it began
  if run.token ~= a.token or (a.by and h[11] ~= a.by) then return {'HELD'} end
  began = tonumber(h[9]) or at
else
  if h[6] and at > tonumber(h[6]) then
    move(run, 'expired', at)
    redis.call('HSET', key, 'reason', 'it was not started in time')
    trim(run.task, a.keep)
    return {'EXPIRED'}
  end
  local scope, pause = paused_by(a.queue or queue_of(h[1]), run.type)
  if scope then
    hold(scope, 'r:' .. a.id, key, at, run.held)
    redis.call('HSET', key, 'reason', pause_reason(scope, pause))
    return {'PAUSED', scope}
  end
  if not move(run, 'running', at) then return {'STALE'} end
  local set = {'token', a.token, 'worker', a.worker, 'started', text(at)}
  if a.by then set[#set + 1], set[#set + 2] = 'by', a.by end
  redis.call('HSET', key, unpack(set))
  if h[10] then redis.call('HDEL', key, 'reason') end
end
redis.call('ZADD', K.leases, at + a.lease, a.id)
return {'OK', text(began), run.task, h[1], h[2] or 0, h[3] or 0, h[4], h[5], text(tonumber(h[7] or h[8]) or at)}
