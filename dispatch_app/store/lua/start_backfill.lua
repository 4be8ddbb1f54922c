-- What:   a backfill of a task: a window whose occurrences schedulers make into runs, in pieces. Of those
--         of the task that are over, the oldest beyond 100 are forgotten.
-- Needs:  the task exists and is not cancelled itself.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, task, start, end, overlap, total, idem? {key, fingerprint}, now?}
-- Reply:  {'OK'} | {'NOT_FOUND'} | {'CONFLICT', status} | {'SAME', id, record} (the idempotency key made that
--         backfill; the record as it was then) | {'MISMATCH'} (... for another request)
-- Keeps:  I7
-- @include keys
-- @include now
-- @include text
-- @include agenda
-- @include backfill
-- @include task_status
-- @include answer
local a = cmsgpack.unpack(ARGV[1])
local before = answered(a.idem)
if before then return before end
local status, once, cancelled = unpack(redis.call('HMGET', K.task(a.task), 'status', 'once', 'cancelled'))
if not status then return {'NOT_FOUND'} end
if is_cancelled(status, once, cancelled) then return {'CONFLICT', status} end
local at = now(a.now)
redis.call('HSET', K.backfill(a.id), 'task', a.task, 'status', 'running', 'start', text(a.start),
  'end', text(a['end']), 'overlap', a.overlap, 'total', a.total, 'made', 0, 'over', 0,
  'cursor', text(a.start - 1), 'created', text(at))
redis.call('ZADD', K.backfills, 0, a.id)
redis.call('ZADD', K.backfills_by('task', a.task), 0, a.id)
agenda_put('b:' .. a.id, at)
answer(a.idem, a.id, K.backfill(a.id))
forget_old_backfills(a.task)
return {'OK'}
