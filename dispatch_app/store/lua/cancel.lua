-- What:   no more occurrences; unfinished runs are cancelled, running ones asked to end, or fenced. A
--         thousand runs a call, since a script stops the whole server while it runs.
-- Needs:  the task has not ended otherwise.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, rev? (that it has to have), grace? (ms that running ones have to end by
--         themselves; none: they are fenced at once), keep (finished runs), after? (run up to which
--         it is done), now?}
-- Reply:  {'OK', run up to which it is done, or '' if that was all} (also if it is cancelled already)
--         | {'NOT_FOUND'} | {'DAMAGED'} (its key holds no record) | {'CHANGED'} | {'ENDED', status}
-- Event:  task.cancelled (and run.cancelled or run.cancelling for each)
-- Keeps:  I5
-- @include keys
-- @include now
-- @include text
-- @include agenda
-- @include event
-- @include task_status
-- @include move
-- @include cancel_run
-- @include trim
-- @include backfill
-- @include even_if_full
local PIECE = 1000
local a = cmsgpack.unpack(ARGV[1])
even_if_full()
local key, at = K.task(a.id), now(a.now)
local h = redis.pcall('HMGET', key, 'status', 'rev', 'held', 'once', 'cancelled')
if h.err then return {'DAMAGED'} end
local status, rev, held, once, cancelled = unpack(h)
if not status then return {'NOT_FOUND'} end
if a.rev and tonumber(rev) ~= a.rev then return {'CHANGED'} end
if status == 'completed' or (FINISHED[status] and status ~= 'cancelled') then
  return {'ENDED', status}
end
if not is_cancelled(status, once, cancelled) then
  agenda_drop('t:' .. a.id, key, held)
  redis.call('HDEL', key, 'next', 'occurrence')
  task_status(a.id, 'cancelled')
  redis.call('HSET', key, 'updated', text(at), 'cancelled', text(at))
  event('task.cancelled', a.id, nil, 'cancelled')
end
for _, id in ipairs(redis.call('ZRANGE', K.backfills_by('task', a.id), 0, -1)) do
  end_backfill(id, 'cancelled', at, 'its task was cancelled')
end
-- first what waits, so that no end releases it
for _, id in ipairs(redis.call('ZRANGE', K.waiting(a.id), 0, -1)) do cancel_run(id, at, 'its task was cancelled') end
local first = a.after and '(' .. a.after or '-'
local runs = redis.call('ZRANGEBYLEX', K.runs_by('task', a.id), first, '+', 'LIMIT', 0, PIECE)
for _, id in ipairs(runs) do ask_to_end(id, at, 'its task was cancelled', a.grace) end
trim(a.id, a.keep, PIECE)
return {'OK', runs[PIECE] or ''}
